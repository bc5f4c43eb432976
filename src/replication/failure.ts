import type { CopyOutcome } from '../catalog/claims.ts';
import type { CopyRow } from '../catalog/rows.ts';
import type { Random } from '../objects/clock.ts';
import { CatalogError } from '../catalog/errors.ts';
import type { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { Log } from '../telemetry/log.ts';
import { verdictOn } from './backoff.ts';
import { asProviderError } from './copy-job.ts';
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

/**
 * What ended the work on one object, as its own failure: a fault of a library or of ours (an answer that nobody foresaw) is no
 * reason to leave the other objects where they are.
 * @throws what concerns all of them: the catalog's failure, and whatever came once the signal was aborted.
 */
export function failureOfOne(
  error: unknown,
  { key, provider }: { readonly key: Key; readonly provider: string },
  log: Log,
  signal: AbortSignal,
): ProviderError {
  if (signal.aborted || error instanceof CatalogError) throw error;
  const failure = asProviderError(error, provider, key);
  if (failure !== error) log.error({ provider, key, error }, 'this was not foreseen; please report it, with this line');
  return failure;
}
