/**
 * Drills, see `catalog/drills.ts`: one row for each policy and target of which one was begun. `result` is the latest, as
 * JSON. `objects_policy` holds the ids of a policy's objects in their order, to draw from.
 */
export const sql = `
create table drills (
  policy_id integer not null references policies,
  target_id integer not null references targets,
  first_at real not null,
  begun_at real not null,
  obstacle text,
  succeeded_at real,
  result text,
  primary key (policy_id, target_id)
) strict, without rowid;

create index objects_policy on objects (policy_id);
`;
