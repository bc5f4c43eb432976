/**
 * What a clock left behind that was ahead, by years perhaps, and is right again: leases, turns and retries until then.
 * A time further ahead than whoever noted it could have set it by the clock of today is such a leftover and counts as
 * past, or all would stand still for as long as the clock was ahead. (The catalog's statements: `catalog/sqlite/set-back.ts`.)
 */
export function isOver(until: number, now: number, atMost: number): boolean {
  return until <= now || until > now + atMost;
}
