import type { ProviderError } from '../objects/errors.ts';
import type { CopyJob, CopyOptions, CopyResult } from './copy-job.ts';
import { copyObject } from './copy.ts';
import { failureOfOne } from './failure.ts';
import type { Candidate } from './read-source.ts';

/** An object whose SHA-256 is known. */
export interface KnownJob extends Omit<CopyJob, 'from' | 'spares'> {
  readonly sha256: string;
}

/**
 * Copies an object that is said to be at several places, all of one size. Where one fails in the middle, reading goes on
 * from the next; when what came is not the object, each place is read from its first byte to its last by itself.
 * @throws ProviderError when the right bytes came from nowhere: what the first place failed with.
 */
export async function copyFromAny(
  job: KnownJob,
  candidates: readonly Candidate[],
  options: CopyOptions,
  signal: AbortSignal,
): Promise<CopyResult> {
  const [from, ...others] = candidates;
  if (from === undefined) throw new Error(`there is no place to copy ${job.as ?? 'an object'} from`);
  let first: ProviderError | undefined;
  const onLeft = (left: Candidate, error: ProviderError): void => {
    first ??= error;
    noteBad(left, error, options);
  };
  try {
    return await copyObject({ ...job, from, spares: { candidates: others, onLeft } }, options, signal);
  } catch (error) {
    const failure = worthAnother(error, from, options, signal);
    first ??= failure;
    // What cannot be read was asked for everywhere; wrong bytes, and what nobody foresaw, say nothing of the other places.
    if (failure === error && failure.code !== 'checksum-mismatch') throw first;
  }
  for (const alone of candidates) {
    try {
      return await copyObject({ ...job, from: alone }, options, signal);
    } catch (error) {
      noteBad(alone, worthAnother(error, alone, options, signal), options);
    }
  }
  throw first;
}

/** @throws what no other place would mend. */
function worthAnother(
  error: unknown,
  { key, provider }: Candidate,
  { log }: CopyOptions,
  signal: AbortSignal,
): ProviderError {
  const failure = failureOfOne(error, { key, provider: provider.name }, log, signal);
  if (failure.code === 'aborted') throw error;
  return failure;
}

function noteBad({ provider, key }: Candidate, { code, message }: ProviderError, { log }: CopyOptions): void {
  log.warn({ provider: provider.name, key, code }, `${message}; another copy is read`);
}
