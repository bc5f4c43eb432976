import type { Random } from '../objects/clock.ts';
import type { ErrorCode } from '../objects/errors.ts';

const seconds = 1000;
const minutes = 60 * seconds;

/** What is to become of a copy that could not be made: tried again soon, or on the slow schedule as `failed`. */
export interface Verdict {
  readonly state: 'retry' | 'failed';
  /** Milliseconds from now. */
  readonly delay: number;
}

/** How long a copy rests that cannot be made until somebody changes something. */
const slowRetry = 60 * minutes;

/** After so many conflicts in a row, which take at least half an hour on average, a person should know. */
const patienceWithConflicts = 10;

/** Causes that time alone may mend; every other code waits for a person on the slow schedule. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'throttled',
  'unavailable',
  'aborted',
  'checksum-mismatch',
  'conflict',
]);

/**
 * @param attempts failed attempts before this one
 */
export function verdictOn(code: ErrorCode, attempts: number, random: Random): Verdict {
  if (!passing.has(code)) return { state: 'failed', delay: slowRetry };
  // What is in the way every time (a lock of the provider's, a program that writes there too) does not go by itself.
  if (code === 'conflict' && attempts >= patienceWithConflicts) return { state: 'failed', delay: slowRetry };
  // Something moved under our feet: the next look sees it as it is now.
  if (code === 'conflict' && attempts < 3) return { state: 'retry', delay: 0 };
  return { state: 'retry', delay: jitter(5 * seconds, 10 * minutes, attempts, random) };
}

/** Full jitter: anywhere between nothing and the exponential bound, so that many waiters do not come back at once. */
export function jitter(base: number, cap: number, attempts: number, random: Random): number {
  return Math.ceil(random() * Math.min(cap, base * 2 ** Math.min(attempts, 30)));
}
