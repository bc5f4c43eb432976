import type { KeptVersion } from '../catalog/kept.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Provider } from '../providers/provider.ts';
import { Hasher } from './hash.ts';
import { ObjectStream, type Candidate } from './read-source.ts';

/**
 * Where a kept version can be copied from. Give `copyObject` its `sha256` and `attributes` too: then nothing else becomes
 * visible.
 * @throws ProviderError `not-found` when it is not there any more.
 */
export async function keptCandidate(
  { key, size, place }: KeptVersion,
  provider: Provider,
  signal: AbortSignal,
): Promise<Candidate> {
  if (place.by === 'provider') return { provider, key, version: place.version, size, versionId: place.id };
  // Under whatever version it stands there now: it is the digest that tells whether it is it.
  const { version } = await provider.head(place.key, signal);
  return { provider, key: place.key, version, size };
}

/**
 * The bytes of a kept version. They count only once the end is reached without an error.
 * @throws ProviderError `checksum-mismatch` at the end, when they are not those that were kept.
 */
export async function* readKept(
  kept: KeptVersion,
  provider: Provider,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const from = await keptCandidate(kept, provider, signal);
  const hasher = await Hasher.create([]);
  for await (const chunk of new ObjectStream(from, signal, () => undefined).chunks()) {
    hasher.update(chunk);
    yield chunk;
  }
  const { sha256 } = hasher.digest();
  if (sha256 === kept.sha256) return;
  const message = `the version of ${kept.key} kept at ${kept.target} is damaged: its SHA-256 is ${sha256} instead of ${kept.sha256}`;
  throw new ProviderError('checksum-mismatch', message, { provider: kept.target, key: kept.key });
}
