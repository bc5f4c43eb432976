import type { ChecksumAlgorithm } from '../objects/checksum.ts';
import { ProviderError } from '../objects/errors.ts';
import { requireStated } from './copy-job.ts';
import { digestByReading } from './prove.ts';
import type { Known } from './proving.ts';
import type { Candidate } from './read-source.ts';

/** What the source has, by reading all of it. @throws ProviderError, also where it states other checksums than were read. */
export async function readSource(
  from: Candidate,
  algorithms: Iterable<ChecksumAlgorithm>,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Known> {
  const head = await from.provider.head(from.key, signal);
  const digest = await digestByReading(from, algorithms, onBytes, signal);
  requireStated(from, head, digest);
  return { digest, attributes: head.attributes };
}

/** One read that went wrong must not condemn good copies. @throws ProviderError `checksum-mismatch` */
export async function confirmSource(
  from: Candidate,
  { digest }: Known,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const again = await digestByReading(from, [], onBytes, signal);
  if (again.sha256 === digest.sha256) return;
  const { provider, key } = from;
  const message = `two reads of ${key} at ${provider.name} gave different bytes; nothing is taken for the object until they agree`;
  throw new ProviderError('checksum-mismatch', message, { provider: provider.name, key });
}

/** @returns undefined where the source cannot be read now. */
export async function unlessUnreadable(reading: Promise<Known>, signal: AbortSignal): Promise<Known | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    return undefined;
  }
}
