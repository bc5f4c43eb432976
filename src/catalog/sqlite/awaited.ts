/** Whether a copy of the object is due at one of these targets. `by`: the parameter with the latest due time that counts. */
export function awaitedSql(object: string, targets: readonly number[], by: `?${number}`): string {
  return `exists (select 1 from copies f
    where f.object_id = ${object} and f.target_id in (${targets.join(', ')}) and f.due_at <= ${by})`;
}
