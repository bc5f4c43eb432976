import type { Digest } from '../objects/checksum.ts';
import { errorMessage, ProviderError, type ProviderErrorDetails } from '../objects/errors.ts';
import type { Evidence } from '../objects/evidence.ts';
import type { Key } from '../objects/key.ts';
import type { Attributes, CopyRecord } from '../objects/object.ts';
import type { Capabilities, Precondition, Provider, StoredCopy } from '../providers/provider.ts';
import { faultInRecord, prove, proveByReading, type Proof, type ProveOptions } from './prove.ts';

/** One target of a copy. */
export interface Destination {
  readonly name: string;
  readonly provider: Provider;
  readonly capabilities: Capabilities;
  /** The version that stands at the key and is to be replaced; null when nothing is known to be there. */
  readonly occupied: string | null;
  /** Whether its calls fail and are tried again. */
  readonly isUnwell?: () => boolean;
}

/** What is to be stored, apart from its bytes. */
export interface Content {
  readonly key: Key;
  readonly size: number;
  readonly attributes: Attributes;
  readonly digest: Digest;
  readonly record: CopyRecord;
}

/** A copy in place, with evidence. */
export interface Stored {
  readonly version: string;
  readonly evidence: Evidence;
  /** False when the bytes were found in place already. */
  readonly written: boolean;
  /** Whether it carries our record and the object's attributes. */
  readonly recorded: boolean;
  /** The provider's own name for it, where that is not its key. */
  readonly name?: Key;
  /** The noted upload that it was written by. */
  readonly upload?: number;
}

/** A write that the target accepted and then did not hold: the bytes read back are not those sent. */
export class WrongCopyError extends ProviderError {
  /** The wrong version that still stands at the key; null when it was taken back. */
  readonly standing: string | null;

  constructor(standing: string | null, message: string, details: ProviderErrorDetails) {
    super('checksum-mismatch', message, details);
    this.standing = standing;
  }
}

/**
 * Something unexpected stands at the key. It is not replaced on the spot: only a worker whose lease still counts
 * may do that, and the catalog tells (by its fence) when this outcome is settled with the version that stands there.
 */
export class OccupiedError extends ProviderError {
  readonly version: string;

  constructor(version: string, message: string, details: ProviderErrorDetails) {
    super('conflict', message, details);
    this.version = version;
  }
}

const maxAttempts = 3;

/** Puts a small object and makes sure of it. Bytes damaged on the way are sent again from the buffer. */
export async function putCopy(
  to: Destination,
  content: Content,
  bytes: Buffer,
  options: ProveOptions,
  signal: AbortSignal,
): Promise<Stored> {
  const { key, attributes, record, digest } = content;
  let precondition = preconditionFor(to.occupied);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const stored = await to.provider.put(key, bytes, { attributes, record, digest, precondition }, signal);
      return await proven(to, content, stored, options, signal);
    } catch (error) {
      if (attempt === maxAttempts || error instanceof WrongCopyError || !(error instanceof ProviderError)) throw error;
      if (error.code === 'checksum-mismatch') continue;
      const adopted = await afterConflict(error, to, content, options, signal);
      if (adopted !== undefined) return adopted;
      precondition = { absent: true };
    }
  }
}

/**
 * Looks at what stands at the key after a write was refused.
 * @returns the copy when it is in place already (a lost response, another worker); undefined when nothing stands there.
 * @throws OccupiedError when it is something else; the error itself when it was no conflict.
 */
export async function afterConflict(
  error: ProviderError,
  to: Destination,
  content: Content,
  options: ProveOptions,
  signal: AbortSignal,
): Promise<Stored | undefined> {
  if (error.code !== 'conflict' && !(error.code === 'not-found' && to.occupied !== null)) throw error;
  return await whatStands(to, content, options, signal, error);
}

/** Looks at what stands at the key, as above. */
export async function whatStands(
  to: Destination,
  content: Content,
  options: ProveOptions,
  signal: AbortSignal,
  cause?: ProviderError,
): Promise<Stored | undefined> {
  const proof = await prove(to.provider, content.key, content, options, signal);
  if (proof.state === 'missing') return undefined;
  if (proof.state === 'right') return { ...found(proof, content), written: false };
  const message = `at ${to.name} something unexpected stands at ${content.key}: ${proof.why}; it will be replaced`;
  const details = { provider: to.name, key: content.key, ...(cause === undefined ? {} : { cause }) };
  throw new OccupiedError(proof.version, message, details);
}

function found(
  { version, evidence, head }: Extract<Proof, { state: 'right' }>,
  { digest, attributes }: Content,
): Omit<Stored, 'written'> {
  const recorded = head !== undefined && faultInRecord(head, digest.sha256, attributes) === undefined;
  return { version, evidence, recorded };
}

/** Evidence for what was just written: the provider's attestation where the policy takes it, else reading it back. */
export async function proven(
  to: Destination,
  content: Content,
  stored: StoredCopy,
  options: ProveOptions,
  signal: AbortSignal,
): Promise<Stored> {
  const { version, attested, name } = stored;
  const written = { version, written: true, recorded: true, ...(name === undefined ? {} : { name }) };
  if (attested !== undefined && options.method === 'attested') {
    const evidence: Evidence = { method: 'attested', sha256: content.digest.sha256, by: attested, at: options.now() };
    return { ...written, evidence };
  }
  const proof = await proveByReading(to.provider, content.key, version, content, options, signal);
  if (proof.state === 'right') return { ...written, evidence: proof.evidence };
  throw await withdrawn(to, content.key, version, proof.state === 'wrong' ? proof.why : 'it is gone again', signal);
}

export function preconditionFor(occupied: string | null): Precondition {
  return occupied === null ? { absent: true } : { version: occupied };
}

/**
 * Takes back a copy of ours that turned out wrong, so that nobody takes it for the object: but only the very
 * version we wrote, and only where nothing stood before (what it replaced cannot be brought back by deleting).
 */
async function withdrawn(
  to: Destination,
  key: Key,
  version: string,
  why: string,
  signal: AbortSignal,
): Promise<WrongCopyError> {
  const { name, provider } = to;
  const message = `${name} accepted the copy of ${key}, but ${why}; the copy does not count and will be made again`;
  const details = { provider: name, key };
  if (to.occupied !== null) return new WrongCopyError(version, message, details);
  try {
    await provider.delete(key, { precondition: { version } }, signal);
  } catch (cause) {
    return new WrongCopyError(version, `${message}; it could not be removed: ${errorMessage(cause)}`, {
      ...details,
      cause,
    });
  }
  return new WrongCopyError(null, message, details);
}
