import type { Attestation } from '../objects/evidence.ts';
import type { ChecksumAlgorithm, Checksums, Digest } from '../objects/checksum.ts';
import type { ErrorCode } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { Attributes, CopyRecord, ObjectHead, ObjectInfo } from '../objects/object.ts';

/**
 * A place that holds objects. What every implementation and decorator guarantees (each line is a case of the
 * contract suite, `test/contract/provider.ts`):
 *
 * - Atomic visibility: a key shows either its old bytes or the new ones, whole; never a part, not even after a crash.
 * - A write that returned is durable, and `head`, `read` and a new `list` see it.
 * - `list` yields keys in ascending order of their UTF-8 bytes unless `capabilities.listing` says `unordered`;
 *   every object that existed throughout appears exactly once; a listing that cannot be finished throws, it
 *   never just ends. Empty pages are allowed.
 * - Keys below `.holdfast/` are listed only when the prefix asked for starts with it.
 * - `delete` of a key that is not there succeeds.
 * - A body that ends without an error is every byte asked for (`ReadOptions`), and no other one, of exactly the
 *   version named in its head; a source that changes or breaks off while being read throws, and so does one that
 *   sends another range than was asked for: `unsupported` where it seems to know no ranges, else `invalid`.
 * - A failed precondition throws `conflict` and changes nothing.
 * - Bytes that arrive damaged where the provider can tell throw `checksum-mismatch` and do not become visible.
 * - An upload that was left is taken up with what was sent, also by another process; other bytes in it than those
 *   finally read never become an attested copy.
 * - Every failure is a `ProviderError`; an aborted signal ends any call soon with `aborted`.
 * - A key the provider cannot hold is refused with `unsupported`, never changed into another key.
 */
export interface Provider {
  /** The name in the configuration. */
  readonly name: string;

  /**
   * Reaches the provider and finds out what it can do. As a `target` it writes canaries under
   * `.holdfast/probe/`, because what a provider attests is proven, not assumed; as a `source` it writes nothing.
   * Idempotent and cached once it succeeded.
   * @throws ProviderError `not-found` when the bucket, container or directory does not exist.
   */
  connect(role: ProviderRole, signal: AbortSignal): Promise<Capabilities>;

  /** Objects whose key starts with `prefix`, after the key `after` (exclusive) where given. */
  list(options: ListOptions, signal: AbortSignal): AsyncIterable<ListPage>;

  head(key: Key, signal: AbortSignal): Promise<ObjectHead>;

  /** @throws ProviderError `conflict` when `options.version` is given and the object is not that version any more. */
  read(key: Key, options: ReadOptions, signal: AbortSignal): Promise<ObjectReader>;

  /** Writes a whole object in one call. `bytes` must not change until the promise settles. */
  put(key: Key, bytes: Buffer, options: PutOptions, signal: AbortSignal): Promise<StoredCopy>;

  /** Begins an object written in parts. Nothing is visible until `complete`. */
  startUpload(key: Key, options: UploadOptions, signal: AbortSignal): Promise<Upload>;

  /**
   * Takes up an upload that was left, by this process or by one that died. `options` must be what it was begun with.
   * @returns undefined when there is nothing to take up: it was completed or aborted, has run out, or is of another
   * shape. What there is of it then stays as it is.
   * It may have another checkpoint than the one it was taken up by: whoever has noted the new one throws away the old.
   */
  resumeUpload(
    key: Key,
    options: UploadOptions,
    checkpoint: Checkpoint,
    signal: AbortSignal,
  ): Promise<ResumedUpload | undefined>;

  /** Throws away an upload that nobody works on. One that is no more is no error. `key`: null where none is known. */
  abortUpload(key: Key | null, checkpoint: Checkpoint, signal: AbortSignal): Promise<void>;

  /**
   * Uploads that were begun and not ended, whoever began them, but for those that are `known`: at exactly this key, or
   * with null those that do not tell their key. Empty where the provider cannot tell, or where they vanish by themselves.
   */
  listUploads(key: Key | null, known: readonly Checkpoint[], signal: AbortSignal): Promise<readonly OpenUpload[]>;

  delete(key: Key, options: DeleteOptions, signal: AbortSignal): Promise<void>;

  /** Frees sockets and handles. Calls under way may fail. */
  close(): Promise<void>;
}

export type ProviderRole = 'source' | 'target';

/** What a provider can do: data, known after `connect`. */
export interface Capabilities {
  readonly listing: 'ordered' | 'unordered';
  /** Whether an ordered listing `after` a key begins there; where not, it is read from the start and left out here. */
  readonly listsAfter?: boolean;
  /** What proves a copy without reading it back; absent where nothing does. */
  readonly attests: { readonly put?: Attestation; readonly upload?: Attestation };
  /** Checksums the caller must compute besides SHA-256: of the bytes of a put, of each part, of a whole upload. */
  readonly wants: {
    readonly put: readonly ChecksumAlgorithm[];
    readonly part: readonly ChecksumAlgorithm[];
    readonly upload: readonly ChecksumAlgorithm[];
  };
  /**
   * Tells this place from another one found at the same address: a disk that is not mounted, a bucket made anew.
   * Absent where the provider has nothing that would tell.
   */
  readonly identity?: string;
  /** Whether preconditions on writes are enforced; where not, they are sent all the same. */
  readonly conditionalWrites: boolean;
  /** Whether a delete with a precondition removes that version and never another one; where not, nothing may rest on it. */
  readonly conditionalDeletes: boolean;
  /** Whether `modifiedAt` tells any two writes apart, unless somebody sets it: a filesystem's nanoseconds do. */
  readonly preciseTimes?: boolean;
  /**
   * Whether the provider itself keeps what an overwrite replaces, readable by the `versionId` that `head` told before.
   * It was tried; a head without one says that this object is not kept.
   */
  readonly keepsReplaced?: boolean;
  /** Whether reading costs nothing but time: nobody bills for it. */
  readonly freeReads?: boolean;
  /**
   * So many ranges of one object, read side by side, come faster than one after the other: each connection has a speed
   * of its own. Absent where one read is fastest: a disk.
   */
  readonly parallelReads?: number;
  readonly limits: ProviderLimits;
}

/** Bytes, unless said otherwise. */
export interface ProviderLimits {
  readonly maxObjectSize: number;
  /** The largest object `put` takes. */
  readonly maxPutSize: number;
  readonly part: {
    readonly min: number;
    readonly max: number;
    /** Every part but the last is a multiple of this. */
    readonly multipleOf: number;
    readonly maxCount: number;
    /** `any`: parts may be sent side by side; `sequential`: part n+1 after part n has settled. */
    readonly order: 'any' | 'sequential';
  };
}

export interface ListOptions {
  readonly prefix?: string;
  readonly after?: Key;
  /** Lets what lies between keys that are known be listed side by side. A hint: what is listed is the same. */
  readonly furtherOn?: FurtherOn;
}

/** The known key that is so many further on than another one; undefined where none is known so far on. */
export type FurtherOn = (after: Key, count: number) => Promise<Key | undefined>;

export interface ListPage {
  readonly entries: readonly ObjectInfo[];
  /**
   * What is there but is no object (a symbolic link, a socket). Reported, so that nothing is skipped in silence; in an
   * ordered listing, with the page whose keys it stands among.
   */
  readonly ignored?: readonly { readonly key: Key; readonly reason: string }[];
}

export interface ReadOptions {
  /** Read exactly this version or throw `conflict`. */
  readonly version?: string;
  /** Read what the provider keeps under this name (`ObjectHead.versionId`), whatever stands at the key now. */
  readonly versionId?: string;
  /** First byte to read (inclusive). Default: 0. At or beyond the end there is nothing to read, and that is no error. */
  readonly from?: number;
  /** Byte to stop before (exclusive), above `from`. Default, and where it lies beyond the end: the end. */
  readonly to?: number;
}

/** Dispose it (`await using`) whether or not the body was read. */
export interface ObjectReader extends AsyncDisposable {
  /** Of the whole object, whatever part of it is read. Its `checksums` are told where the first byte is read. */
  readonly head: ObjectHead;
  /** Stored bytes, never decompressed. May be iterated once. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** What must be true of the key for a write or delete to happen. */
export type Precondition = { readonly absent: true } | { readonly version: string };

export interface PutOptions {
  readonly attributes: Attributes;
  readonly record: CopyRecord;
  /** SHA-256 and every checksum in `wants.put`, of `bytes`. */
  readonly digest: Digest;
  readonly precondition?: Precondition;
}

export interface UploadOptions {
  /** Size of the whole object. */
  readonly size: number;
  /** Size of every part but the last, within `limits.part`. */
  readonly partSize: number;
  readonly attributes: Attributes;
  readonly precondition?: Precondition;
  /** Awaited before it is begun a second time, as nobody knows whether the first request began one. */
  readonly onRepeat?: () => Promise<void>;
}

/**
 * What an upload is taken up by: text that only its provider understands, safe to store and nothing to show. At GCS it
 * is a credential: whoever has it may write the object.
 */
export type Checkpoint = string;

export interface Upload {
  readonly checkpoint: Checkpoint;
  /** Sends one part; safe to repeat. The last part's `bytes` must not change until `complete` or `abort` settles. */
  part(part: Part, signal: AbortSignal): Promise<void>;
  /**
   * Makes the object visible, given that all parts were sent.
   * `digest` holds SHA-256 and every checksum in `wants.upload`, of the whole object.
   */
  complete(digest: Digest, record: CopyRecord, signal: AbortSignal): Promise<StoredCopy>;
  /** Throws away what was sent. Nothing becomes visible. */
  abort(signal: AbortSignal): Promise<void>;
  /** Frees what it holds in this process. What was sent stays at the provider, to be taken up or thrown away later. */
  leave(): Promise<void>;
}

export interface ResumedUpload extends Upload {
  /**
   * In place of sending a part that the provider took before.
   * @returns false when it does not hold the part, or holds other bytes as far as it tells: then it is to be sent.
   */
  keep(part: Part, signal: AbortSignal): Promise<boolean>;
}

/** An upload as a provider lists it. */
export interface OpenUpload {
  readonly checkpoint: Checkpoint;
  /** When it was begun or, where that is not known, last written; milliseconds since the epoch by the provider's clock. */
  readonly startedAt: number;
  /**
   * Whether it looks as this program's own do before their first part was sent. Absent where the provider does not tell.
   */
  readonly fresh?: boolean;
}

export interface Part {
  /** From 1, consecutive. */
  readonly number: number;
  readonly offset: number;
  readonly bytes: Buffer;
  /** Every checksum in `wants.part`, of `bytes`. */
  readonly checksums: Checksums;
}

export interface DeleteOptions {
  readonly precondition?: { readonly version: string };
}

/** What a finished write left at the provider. */
export interface StoredCopy {
  readonly version: string;
  readonly size: number;
  /**
   * Set only when the provider's own checksum of every byte stored, probed to be real, equals the digest given.
   * Unset: somebody has to read the copy back before it counts.
   */
  readonly attested?: Attestation;
  /** The provider's own name for it, where it cannot hold the key as it is. */
  readonly name?: Key;
}

/** What a provider's recent calls tell of it. */
export interface ProviderHealth {
  /** `down`: calls are held back because they keep failing, until one is answered; `degraded`: the latest call failed. */
  readonly state: 'up' | 'degraded' | 'down';
  /** While calls are held back: when one may find out whether it answers again, in milliseconds since the epoch. */
  readonly heldUntil?: number;
  readonly lastError: { readonly code: ErrorCode; readonly message: string; readonly at: number } | null;
}

/** A provider that keeps count of its own failures. */
export interface MonitoredProvider extends Provider {
  health(): ProviderHealth;
}
