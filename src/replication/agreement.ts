import type { Digest } from '../objects/checksum.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { Attributes } from '../objects/object.ts';
import type { Provider } from '../providers/provider.ts';
import { digestByReading, headIfThere } from './prove.ts';

/** What copies that were read by themselves agree to be. */
export interface Agreed {
  readonly digest: Digest;
  readonly attributes: Attributes;
}

export interface Wanted {
  readonly key: Key;
  /** The source's version whose bytes are looked for, and its size. */
  readonly version: string;
  readonly size: number;
}

interface Voice extends Agreed {
  /** Whether its own record says that it is this version, and its bytes are those the record names. */
  readonly vouched: boolean;
}

/**
 * Without a digest in the catalog, and with the object gone at the source, only the copies can tell what it was. Each is
 * read whole by itself.
 * - A copy whose own record names another version, or other bytes than it holds, has no voice.
 * - Those whose record vouches for just this version and these bytes decide, if they do not contradict each other.
 * - Else at least two must hold the same bytes, and more than hold any other.
 * @returns undefined when nothing decides: nobody knows which one is right, so that all are to be left as they are.
 * @throws ProviderError when a place does not answer: its voice may be the one that matters.
 */
export async function agreedContent(
  providers: readonly Provider[],
  wanted: Wanted,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Agreed | undefined> {
  const voices: Voice[] = [];
  for (const provider of providers) {
    const voice = await voiceOf(provider, wanted, onBytes, signal);
    if (voice !== undefined) voices.push(voice);
  }
  const vouched = voices.filter((voice) => voice.vouched);
  const groups = [...Map.groupBy(vouched.length > 0 ? vouched : voices, ({ digest }) => digest.sha256).values()];
  const [most, next] = groups.toSorted((a, b) => b.length - a.length);
  if (vouched.length > 0) return groups.length === 1 ? vouched[0] : undefined;
  if (most === undefined || most.length < 2 || next?.length === most.length) return undefined;
  return most[0];
}

/** @returns undefined where nothing stands that could be it. */
async function voiceOf(
  provider: Provider,
  { key, version, size }: Wanted,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Voice | undefined> {
  const head = await headIfThere(provider, key, signal);
  if (head?.size !== size || (head.record !== undefined && head.record.sourceVersion !== version)) return undefined;
  const digest = await digestByReading({ provider, key, version: head.version, size }, [], onBytes, signal);
  if (head.record !== undefined && head.record.sha256 !== digest.sha256) return undefined;
  return { digest, attributes: head.attributes, vouched: head.record !== undefined };
}

/** How long until quarantined copies are looked at again, in milliseconds. */
const quarantineMs = 24 * 3_600_000;

/** What is said of copies that are left as they are because nobody knows whether they are right. */
export function quarantined(key: Key, provider: string): ProviderError {
  const message =
    `quarantined: what ${key} must be is not known (no digest, and the source does not have it any more), and the copies ` +
    'that could be read do not agree; every one is left as it is. Put the right object back at the source, or remove what is wrong';
  return new ProviderError('conflict', message, { provider, key, retryAfterMs: quarantineMs });
}

/** Not to be told by the others alone: the one that does not answer may be the one that knows. */
export function notHeard(key: Key, target: string): ProviderError {
  const message = `what ${key} must be is told by its copies alone, and ${target} does not answer now`;
  return new ProviderError('unavailable', message, { provider: target, key });
}
