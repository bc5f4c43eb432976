import type { ChecksumAlgorithm, Digest } from '../objects/checksum.ts';
import type { Clock } from '../objects/clock.ts';
import { errorMessage, ProviderError, type ProviderErrorDetails } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { Attributes, CopyRecord, ObjectHead } from '../objects/object.ts';
import type { Log } from '../telemetry/log.ts';
import type { Bytes } from './byte-budget.ts';
import type { Convoy } from './convoy.ts';
import { agreement, type ProveOptions } from './prove.ts';
import { ObjectStream, type Candidate, type Spares } from './read-source.ts';
import type { Content, Destination, Stored } from './store.ts';
import type { UploadJournal } from './upload-journal.ts';

/** One object version, on its way from one place where it is whole to every target that lacks it. */
export interface CopyJob {
  readonly from: Candidate;
  /** Where reading goes on when `from` fails in the middle. Only where `sha256` is known. */
  readonly spares?: Spares;
  /** The version at the policy's source that these bytes are, and when it was made there. */
  readonly sourceVersion: string;
  readonly sourceModifiedAt: number;
  /** SHA-256 (hex) that the bytes must have, where it is known: nothing becomes visible unless they do. */
  readonly sha256: string | null;
  /** What travels with the bytes, where it is known better than the place copied from tells. */
  readonly attributes?: Attributes;
  readonly destinations: readonly Destination[];
  /** The key at the destinations. Default: that of the place copied from. */
  readonly as?: Key;
}

export interface CopyOptions extends ProveOptions {
  readonly budget: Bytes;
  /** Who travels together; left out where a target is served alone. */
  readonly convoy?: Convoy;
  readonly clock: Clock;
  /** Counts bytes read from the place copied from. */
  readonly onSourceBytes: (bytes: number) => void;
  readonly log: Log;
  /** Remembers uploads in parts, so that they survive this process. Absent: they are thrown away with it. */
  readonly uploads?: UploadJournal;
}

export interface CopyResult {
  /** What was read; null when every destination failed before the end, so that reading on was pointless. */
  readonly read: {
    readonly digest: Digest;
    readonly attributes: Attributes;
    /** The place that the last of the bytes came from. */
    readonly from: Candidate;
  } | null;
  readonly outcomes: ReadonlyMap<string, Stored | ProviderError>;
}

/** The bytes that were read are not the object: their place is damaged, whatever its version says. */
export class WrongSourceError extends ProviderError {
  readonly found: Digest;

  constructor(found: Digest, message: string, details: ProviderErrorDetails) {
    super('checksum-mismatch', message, details);
    this.found = found;
  }
}

export function asProviderError(error: unknown, provider: string, key: string): ProviderError {
  if (error instanceof ProviderError) return error;
  return new ProviderError('invalid', `unexpected failure: ${errorMessage(error)}`, { provider, key, cause: error });
}

/** The job's bytes, to be read once. */
export function streamOf(job: CopyJob, { onSourceBytes }: CopyOptions, signal: AbortSignal): ObjectStream {
  return new ObjectStream(job.from, signal, onSourceBytes, job.sha256 === null ? undefined : job.spares);
}

/** @param from the place that the last of the bytes came from */
export function requireDigest(job: CopyJob, digest: Digest, from: Candidate = job.from): void {
  if (job.sha256 === null || job.sha256 === digest.sha256) return;
  const { provider, key } = from;
  const message = `${key} at ${provider.name} is damaged: its SHA-256 is ${digest.sha256} where ${job.sha256} is recorded for this version`;
  throw new WrongSourceError(digest, message, { provider: provider.name, key });
}

/**
 * What the source itself says of its bytes is compared with those that came. One checksum will do; MD5 is too dear
 * to be computed for it.
 */
export function alsoForSource(head: ObjectHead): ChecksumAlgorithm[] {
  const { crc32c, crc64nvme, sha256 } = head.checksums ?? {};
  if (crc32c !== undefined) return ['crc32c'];
  return crc64nvme !== undefined && sha256 === undefined ? ['crc64nvme'] : [];
}

/** @throws ProviderError `checksum-mismatch` when the bytes that came are not those that the source says it has. */
export function requireArrived(job: CopyJob, head: ObjectHead, digest: Digest): void {
  requireStated(job.from, head, digest);
}

/** The same of any read. */
export function requireStated({ provider, key }: Candidate, head: ObjectHead, digest: Digest): void {
  const verdict = agreement(head.checksums ?? {}, digest);
  if (verdict === undefined || verdict.equal) return;
  const message = `the bytes of ${key} read from ${provider.name} do not have the ${verdict.by} that it states; they are not copied`;
  throw new ProviderError('checksum-mismatch', message, { provider: provider.name, key });
}

/** Every checksum that some destination needs; its provider's own words decide, MD5 is never computed in vain. */
export function wanted(job: CopyJob, what: 'put' | 'upload' | 'part'): ChecksumAlgorithm[] {
  return [...new Set(job.destinations.flatMap((to) => to.capabilities.wants[what]))];
}

export function keyAtDestinations({ as, from }: CopyJob): Key {
  return as ?? from.key;
}

export function contentOf(job: CopyJob, digest: Digest, head: ObjectHead): Content {
  const { size } = job.from;
  const key = keyAtDestinations(job);
  const attributes = job.attributes ?? head.attributes;
  const { sourceVersion, sourceModifiedAt } = job;
  const record: CopyRecord = { sha256: digest.sha256, size, sourceVersion, sourceModifiedAt, checksums: digest };
  return { key, size, attributes, digest, record };
}
