/** So many versions are remembered: what a crash left is of the newest ones. */
const most = 16;

/**
 * Of an object `o` whose row takes another version (an expression): the one that it had is remembered, as the newest. One that
 * the object has again is its present one, not a past one.
 */
export function rememberPast(next: string): string {
  return `past = ${appended(`value not in (o.version, ${next})`)}`;
}

/**
 * Of an object whose row goes back to a version that it had: what it had since stays remembered, as newer than that.
 */
export const rememberLater = `past = ${appended('value <> o.version')}`;

function appended(kept: string): string {
  return `(select json_group_array(value) from (select value from (
    select value, key from json_each(coalesce(o.past, '[]')) where ${kept}
    union all select o.version, 1000000000 order by key desc limit ${most}) order by key))`;
}
