/** As far from the epoch as a `Date` reaches. */
const furthestMs = 8.64e15;

/**
 * A time (milliseconds since the epoch) as ISO 8601. Some filesystems keep times, and records and sources may tell some,
 * that no `Date` can be; such a one is written as the furthest that can, and never ends what had to tell it.
 */
export function isoTime(ms: number): string {
  return new Date(Math.max(-furthestMs, Math.min(furthestMs, ms))).toISOString();
}
