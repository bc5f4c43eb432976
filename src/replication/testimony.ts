import { ProviderError } from '../objects/errors.ts';
import type { Evidence } from '../objects/evidence.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectHead, ObjectInfo } from '../objects/object.ts';
import type { Digest } from '../objects/checksum.ts';
import { headIfThere, proveByAttestation, proveByReading, type ProveOptions } from './prove.ts';
import { saidBy, type Said } from './records.ts';
import type { Site } from './site.ts';

/** One copy, heard when nobody else remembers it: what it says of itself, and whether it holds that. */
export interface Testimony {
  readonly target: string;
  readonly version: string;
  /** Undefined when it could not be asked. */
  readonly head: ObjectHead | undefined;
  /** What its record says; undefined where it has none that could be of these bytes. */
  readonly said: Said | undefined;
  /** Whether its bytes are those of its record; `unknown` where nothing tells without reading. */
  readonly holds:
    | { readonly state: 'right'; readonly evidence: Evidence }
    | { readonly state: 'wrong'; readonly why: string }
    | { readonly state: 'unknown' };
  /** Why it could not be asked, or read. */
  readonly error: ProviderError | undefined;
}

/** @returns undefined when nothing stands there (any more). */
export async function hear(
  { name, provider }: Site,
  key: Key,
  listed: ObjectInfo,
  options: ProveOptions,
  signal: AbortSignal,
): Promise<Testimony | undefined> {
  const unheard = { target: name, version: listed.version, head: undefined, said: undefined, holds: unknown };
  let head: ObjectHead | undefined;
  try {
    head = await headIfThere(provider, key, signal);
    if (head === undefined) return undefined;
    const { version } = head;
    const said = saidBy(head);
    const about = { target: name, version, head, said, error: undefined };
    if (said === undefined) return { ...about, holds: ownSize(head) };
    return { ...about, holds: await bytesOf({ provider }, key, head, said.digest, options, signal) };
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    if (head === undefined) return { ...unheard, error };
    return { ...unheard, version: head.version, head, said: saidBy(head), error };
  }
}

const unknown = { state: 'unknown' } as const;

function ownSize({ size, record }: ObjectHead): Testimony['holds'] {
  if (record === undefined || record.size === size) return unknown;
  return { state: 'wrong', why: `it is ${size} bytes long where its record says ${record.size}` };
}

/** Whether a copy holds these bytes, as far as can be told by `options.method`. */
export async function bytesOf(
  { provider }: Pick<Site, 'provider'>,
  key: Key,
  head: ObjectHead,
  digest: Digest,
  options: ProveOptions,
  signal: AbortSignal,
): Promise<Testimony['holds']> {
  const { size, version } = head;
  const attested = options.method === 'attested' ? proveByAttestation(head, digest, options.now) : undefined;
  if (attested?.state === 'right') return { state: 'right', evidence: attested.evidence };
  // What looks wrong is read before it counts as damage.
  if (options.method === 'attested' && attested === undefined) return unknown;
  const proof = await proveByReading(provider, key, version, { size, digest }, options, signal);
  if (proof.state === 'missing') throw new ProviderError('not-found', 'it is gone', { provider: provider.name, key });
  return proof.state === 'right' ? { state: 'right', evidence: proof.evidence } : proof;
}
