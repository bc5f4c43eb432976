import type { Digest } from '../objects/checksum.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Attributes } from '../objects/object.ts';
import type { Provider } from '../providers/provider.ts';
import { digestByReading, headIfThere } from './prove.ts';

/** What copies that were read by themselves agree to be. */
export interface Agreed {
  readonly digest: Digest;
  readonly attributes: Attributes;
}

export interface AgreementOptions {
  readonly size: number;
  readonly onBytes: (bytes: number) => void;
}

/**
 * Without a digest in the catalog and without the source, only the copies can tell what the object is: at least two,
 * each read whole by itself, must hold the same bytes, and more than hold any other.
 * @returns undefined when they do not agree: nobody knows which one is right, so that all are to be left as they are.
 * @throws ProviderError when a place does not answer: its voice may be the one that matters.
 */
export async function agreedContent(
  providers: readonly Provider[],
  key: string,
  options: AgreementOptions,
  signal: AbortSignal,
): Promise<Agreed | undefined> {
  const voices = new Map<string, Agreed[]>();
  for (const provider of providers) {
    const voice = await voiceOf(provider, key, options, signal);
    if (voice === undefined) continue;
    const { sha256 } = voice.digest;
    voices.set(sha256, [...(voices.get(sha256) ?? []), voice]);
  }
  const [most, next] = [...voices.values()].toSorted((a, b) => b.length - a.length);
  if (most === undefined || most.length < 2 || next?.length === most.length) return undefined;
  return most[0];
}

/** @returns undefined where nothing of this size stands. */
async function voiceOf(
  provider: Provider,
  key: string,
  { size, onBytes }: AgreementOptions,
  signal: AbortSignal,
): Promise<Agreed | undefined> {
  const head = await headIfThere(provider, key, signal);
  if (head?.size !== size) return undefined;
  const digest = await digestByReading({ provider, key, version: head.version, size }, [], onBytes, signal);
  return { digest, attributes: head.attributes };
}

/** What is said of copies that are left as they are because nobody knows whether they are right. */
export function quarantined(key: string, provider: string): ProviderError {
  const message =
    `quarantined: what ${key} must be is not known (no digest, and the source does not have this version), and no two ` +
    'copies that could be read agree; every copy is left as it is. Put the right object back at the source, or remove what is wrong';
  return new ProviderError('conflict', message, { provider, key, retryAfterMs: quarantineMs });
}

/** How long until quarantined copies are looked at again, in milliseconds. */
const quarantineMs = 24 * 3_600_000;
