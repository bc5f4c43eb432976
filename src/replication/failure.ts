import type { CopyOutcome } from '../catalog/claims.ts';
import type { CopyRow } from '../catalog/rows.ts';
import type { Random } from '../objects/clock.ts';
import type { ProviderError } from '../objects/errors.ts';
import { verdictOn } from './backoff.ts';
import { OccupiedError, WrongCopyError } from './store.ts';

/** However long a provider asks to be left alone, in milliseconds. What is due much later, the catalog takes for a mistake and calls in. */
const longestRest = 24 * 3_600_000;

/** What becomes of a copy that could not be made or proven; `now` in milliseconds since the epoch. */
export function outcomeOfFailure(copy: CopyRow, error: ProviderError, now: number, random: Random): CopyOutcome {
  const { code, message } = error;
  const { state, delay } = verdictOn(code, copy.attempts, random);
  const dueAt = now + Math.max(delay, Math.min(error.retryAfterMs ?? 0, longestRest));
  const due = { target: copy.target, dueAt, error: { code, message } };
  const version = wrongVersionAfter(error, copy.state === 'damaged' && state === 'retry' ? copy.version : undefined);
  return version === undefined ? { ...due, state } : { ...due, state: 'damaged', version };
}

/** The wrong version that stands at the key now, null when nothing does; `known` where the attempt told nothing of it. */
function wrongVersionAfter(error: ProviderError, known: string | null | undefined): string | null | undefined {
  if (error instanceof OccupiedError) return error.version;
  return error instanceof WrongCopyError ? error.standing : known;
}
