import type { ChecksumAlgorithm, Checksums, Digest } from '../objects/checksum.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Evidence } from '../objects/evidence.ts';
import type { Key } from '../objects/key.ts';
import { differingAttribute, type Attributes, type ObjectHead } from '../objects/object.ts';
import type { Provider } from '../providers/provider.ts';
import { Hasher } from './hash.ts';
import { ObjectStream, type Candidate } from './read-source.ts';

/** What must be at the key. */
export interface Expected {
  readonly size: number;
  readonly digest: Digest;
}

export interface ProveOptions {
  /** The evidence asked for; `attested` falls back to reading where the provider attests nothing that we know too. */
  readonly method: 'attested' | 'read';
  readonly now: () => number;
  readonly onBytes: (bytes: number) => void;
}

/** What was found out about what stands at a key. Proven wrong is not the same as unreadable, which throws. */
export type Proof =
  | { readonly state: 'right'; readonly version: string; readonly evidence: Evidence; readonly head?: ObjectHead }
  | { readonly state: 'wrong'; readonly version: string; readonly why: string }
  | { readonly state: 'missing' };

/** Compares what stands at a key with what must be there. @throws ProviderError when the provider does not answer. */
export async function prove(
  provider: Provider,
  key: Key,
  expected: Expected,
  options: ProveOptions,
  signal: AbortSignal,
): Promise<Proof> {
  const head = await headIfThere(provider, key, signal);
  if (head === undefined) return { state: 'missing' };
  if (head.size !== expected.size) {
    return { state: 'wrong', version: head.version, why: `it is ${head.size} bytes long instead of ${expected.size}` };
  }
  if (options.method === 'attested') {
    const attested = proveByAttestation(head, expected.digest, options.now);
    if (attested !== undefined) return attested;
  }
  const proof = await proveByReading(provider, key, head.version, expected, options, signal);
  return proof.state === 'right' ? { ...proof, head } : proof;
}

/** Reads a copy back and hashes it: the strongest evidence there is. */
export async function proveByReading(
  provider: Provider,
  key: Key,
  version: string,
  expected: Expected,
  options: ProveOptions,
  signal: AbortSignal,
): Promise<Proof> {
  const { size, digest } = expected;
  try {
    const read = async (): Promise<string> =>
      (await digestByReading({ provider, key, version, size }, [], options.onBytes, signal)).sha256;
    const first = await read();
    // Read once more before it counts: the fault may have been on the way.
    const found = first === digest.sha256 ? first : await read();
    if (found !== digest.sha256)
      return { state: 'wrong', version, why: `its SHA-256 is ${found} instead of ${digest.sha256}` };
    return { state: 'right', version, evidence: { method: 'read', sha256: found, by: 'sha256', at: options.now() } };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    if (error.code === 'not-found') return { state: 'missing' };
    if (error.code !== 'conflict') throw error;
    // Either somebody replaced it meanwhile, or this very version is not as long as it must be.
    const head = await headIfThere(provider, key, signal);
    if (head?.version !== version || head.size === size) throw error;
    return { state: 'wrong', version, why: `it is ${head.size} bytes long instead of ${size}` };
  }
}

/**
 * What is wrong with what the copy says of itself besides its bytes; undefined when it carries Holdfast's record of just
 * this content and the object's attributes (null: not known).
 */
export function faultInRecord(head: ObjectHead, sha256: string, attributes: Attributes | null): string | undefined {
  if (head.record === undefined) return 'its record is gone';
  if (head.record.sha256 !== sha256) return `its record names the SHA-256 ${head.record.sha256}`;
  const differing = attributes === null ? undefined : differingAttribute(head.attributes, attributes);
  return differing === undefined ? undefined : `its ${differing} is another one`;
}

export async function headIfThere(provider: Provider, key: Key, signal: AbortSignal): Promise<ObjectHead | undefined> {
  try {
    return await provider.head(key, signal);
  } catch (error) {
    if (error instanceof ProviderError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/** Strongest first. A checksum that only one side knows is neither a match nor a mismatch. */
const comparable: readonly ChecksumAlgorithm[] = ['sha256', 'md5', 'crc64nvme', 'crc32c'];

/** Whether any checksum known to both sides agrees; undefined when none is known to both. */
export function agreement(
  a: Checksums,
  b: Checksums,
): { readonly by: ChecksumAlgorithm; readonly equal: boolean } | undefined {
  for (const by of comparable) {
    const [left, right] = [a[by], b[by]];
    if (left !== undefined && right !== undefined) return { by, equal: left === right };
  }
  return undefined;
}

/** What the provider's own checksums tell; undefined where they tell nothing. */
export function proveByAttestation(head: ObjectHead, digest: Digest, now: () => number): Proof | undefined {
  const verdict = agreement(head.checksums ?? {}, digest);
  if (verdict === undefined) return undefined;
  const { version } = head;
  if (!verdict.equal) return { state: 'wrong', version, why: `the provider's ${verdict.by} of it is another one` };
  return {
    state: 'right',
    version,
    evidence: { method: 'attested', sha256: digest.sha256, by: verdict.by, at: now() },
    head,
  };
}

/** Digest of one version, read from its first byte to its last. */
export async function digestByReading(
  from: Candidate,
  algorithms: Iterable<ChecksumAlgorithm>,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Digest> {
  const hasher = await Hasher.create(algorithms);
  for await (const chunk of new ObjectStream(from, signal, onBytes).chunks()) hasher.update(chunk);
  return hasher.digest();
}
