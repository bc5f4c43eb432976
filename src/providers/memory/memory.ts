import { crc32c } from '@node-rs/crc32';
import type { Clock } from '../../objects/clock.ts';
import { systemClock } from '../../objects/clock.ts';
import type { Checksums, Digest } from '../../objects/checksum.ts';
import type { ErrorCode } from '../../objects/errors.ts';
import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { compareKeys, isReserved, reservedPrefix } from '../../objects/key.ts';
import type { CopyRecord, ObjectHead } from '../../objects/object.ts';
import type {
  Capabilities,
  DeleteOptions,
  ListOptions,
  ListPage,
  ObjectReader,
  OpenUpload,
  Precondition,
  Provider,
  ProviderRole,
  PutOptions,
  ReadOptions,
  ResumedUpload,
  StoredCopy,
  Upload,
  UploadOptions,
} from '../provider.ts';
import type { StoredObject } from './bucket.ts';
import { MemoryBucket, headOf } from './bucket.ts';
import { MemoryUpload, requireShape } from './upload.ts';

export interface MemoryOptions {
  readonly name?: string;
  /** Where the objects are. Default: a new, empty bucket. Null: none exists, and `connect` throws `not-found`. */
  readonly bucket?: MemoryBucket | null;
  readonly clock?: Clock;
  /** Entries in a page of a listing. Default: 1,000. */
  readonly pageSize?: number;
  /** Deviations from `memoryCapabilities`. What is attested is always a crc32c. */
  readonly capabilities?: Partial<Capabilities>;
  /** Why a key cannot be held; undefined where it can. Default: all can. */
  readonly refuses?: (key: Key) => string | undefined;
}

export const memoryCapabilities: Capabilities = {
  listing: 'ordered',
  listsAfter: true,
  attests: { put: 'crc32c', upload: 'crc32c' },
  wants: { put: ['crc32c'], part: ['crc32c'], upload: ['crc32c'] },
  conditionalWrites: true,
  conditionalDeletes: true,
  limits: {
    maxObjectSize: 2 ** 40,
    maxPutSize: 2 ** 30,
    part: { min: 1, max: 2 ** 30, multipleOf: 1, maxCount: 10_000, order: 'any' },
  },
};

const chunkSize = 65_536;

/** A provider that forgets everything when the process ends: for tests and the simulation. */
export class MemoryProvider implements Provider {
  readonly name: string;
  readonly bucket: MemoryBucket;
  readonly capabilities: Capabilities;
  readonly #options: MemoryOptions;
  readonly #clock: Clock;

  constructor(options: MemoryOptions = {}) {
    this.name = options.name ?? 'memory';
    this.bucket = options.bucket ?? new MemoryBucket();
    this.capabilities = { ...memoryCapabilities, ...options.capabilities };
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async connect(_role: ProviderRole, signal: AbortSignal): Promise<Capabilities> {
    this.check(signal);
    if (this.#options.bucket === null) throw this.error('not-found', `"${this.name}" has no bucket.`);
    return this.bucket.versioning ? { ...this.capabilities, keepsReplaced: true } : this.capabilities;
  }

  async *list({ prefix = '', after }: ListOptions, signal: AbortSignal): AsyncGenerator<ListPage> {
    const wanted = this.bucket
      .keys(this.capabilities.listing)
      .filter(
        (key) =>
          key.startsWith(prefix) &&
          (prefix.startsWith(reservedPrefix) || !isReserved(key)) &&
          (after === undefined || compareKeys(key, after) > 0),
      );
    const { pageSize = 1_000 } = this.#options;
    for (let at = 0; at < wanted.length; at += pageSize) {
      this.check(signal);
      yield { entries: wanted.slice(at, at + pageSize).flatMap((key) => this.#entry(key)) };
    }
    this.check(signal);
  }

  async head(key: Key, signal: AbortSignal): Promise<ObjectHead> {
    this.check(signal, key);
    const head = headOf(key, this.#find(key));
    return this.bucket.versioning ? { ...head, versionId: head.version } : head;
  }

  async read(key: Key, options: ReadOptions, signal: AbortSignal): Promise<ObjectReader> {
    this.check(signal, key);
    const object = this.#find(key, options.versionId);
    if (options.version !== undefined && options.version !== object.version) {
      throw this.error('conflict', `It is ${object.version} now, not ${options.version}.`, key);
    }
    return {
      head: headOf(key, object),
      body: this.#body(key, object.bytes.subarray(options.from ?? 0, options.to), signal),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async put(key: Key, bytes: Buffer, options: PutOptions, signal: AbortSignal): Promise<StoredCopy> {
    this.checkWrite(signal, key);
    if (bytes.length > this.capabilities.limits.maxPutSize) throw this.error('invalid', 'Too large for a put.', key);
    const attested = this.capabilities.attests.put;
    const checksums = attested === undefined ? {} : this.verify(key, bytes, options.digest);
    const { attributes, record, precondition } = options;
    const stored = this.commit(key, { bytes: Buffer.from(bytes), attributes, record, checksums }, precondition);
    return { version: stored.version, size: bytes.length, ...(attested && { attested }) };
  }

  async startUpload(key: Key, options: UploadOptions, signal: AbortSignal): Promise<Upload> {
    this.checkWrite(signal, key);
    requireShape(this, key, options);
    const { size, partSize } = options;
    const startedAt = this.#clock.now();
    const checkpoint = this.bucket.begin({ key, size, partSize, startedAt, parts: new Map() });
    return new MemoryUpload(this, key, options, checkpoint);
  }

  async resumeUpload(
    key: Key,
    options: UploadOptions,
    checkpoint: string,
    signal: AbortSignal,
  ): Promise<ResumedUpload | undefined> {
    this.checkWrite(signal, key);
    const found = this.bucket.uploads.get(checkpoint);
    const fits = found?.key === key && found.size === options.size && found.partSize === options.partSize;
    return fits ? new MemoryUpload(this, key, options, checkpoint) : undefined;
  }

  async abortUpload(_key: Key | null, checkpoint: string, signal: AbortSignal): Promise<void> {
    this.check(signal);
    this.bucket.uploads.delete(checkpoint);
  }

  async listUploads(key: Key | null, known: readonly string[], signal: AbortSignal): Promise<readonly OpenUpload[]> {
    this.check(signal);
    const open = [...this.bucket.uploads].filter(([, upload]) => upload.key === key);
    const found = open.filter(([checkpoint]) => !known.includes(checkpoint));
    return found.map(([checkpoint, { startedAt, parts }]) => ({ checkpoint, startedAt, fresh: parts.size === 0 }));
  }

  async delete(key: Key, { precondition }: DeleteOptions, signal: AbortSignal): Promise<void> {
    this.check(signal, key);
    if (!this.bucket.objects.has(key)) return;
    if (this.capabilities.conditionalDeletes && !this.bucket.holds(key, precondition)) {
      throw this.error('conflict', 'It is another version now.', key);
    }
    this.bucket.objects.delete(key);
  }

  async close(): Promise<void> {}

  /** @internal Makes an object visible, if its precondition holds. */
  commit(
    key: Key,
    object: Pick<StoredObject, 'bytes' | 'attributes' | 'checksums'> & { readonly record: CopyRecord },
    precondition: Precondition | undefined,
  ): StoredObject {
    if (this.capabilities.conditionalWrites && !this.bucket.holds(key, precondition)) {
      throw this.error('conflict', 'The precondition does not hold.', key);
    }
    return this.bucket.write(key, { ...object, modifiedAt: this.#clock.now() });
  }

  /** @internal Recomputes the checksum of `bytes`. @throws ProviderError `checksum-mismatch` when it is not the one expected. */
  verify(key: Key, bytes: Buffer, expected: Checksums | Digest): Checksums {
    const found = crc32c(bytes).toString(16).padStart(8, '0');
    if (expected.crc32c === found) return { crc32c: found };
    throw this.error('checksum-mismatch', `The bytes have the crc32c ${found}, not ${expected.crc32c}.`, key);
  }

  /** @internal */
  checkWrite(signal: AbortSignal, key: Key): void {
    this.check(signal, key);
    const reason = this.#options.refuses?.(key);
    if (reason !== undefined) throw this.error('unsupported', `${JSON.stringify(key)} cannot be held: ${reason}`, key);
  }

  /** @internal */
  check(signal: AbortSignal, key?: Key): void {
    if (!signal.aborted) return;
    const details = { provider: this.name, cause: signal.reason as unknown, ...(key === undefined ? {} : { key }) };
    throw new ProviderError('aborted', `A call to "${this.name}" was aborted.`, details);
  }

  /** @internal */
  error(code: ErrorCode, message: string, key?: Key): ProviderError {
    return new ProviderError(code, message, { provider: this.name, ...(key === undefined ? {} : { key }) });
  }

  #entry(key: Key): ListPage['entries'] {
    const object = this.bucket.objects.get(key);
    if (object === undefined) return [];
    const { attributes: _, record: __, ...info } = headOf(key, object);
    return [info];
  }

  #find(key: Key, versionId?: string): StoredObject {
    const current = this.bucket.objects.get(key);
    const wanted = versionId === undefined || current?.version === versionId;
    const object = wanted ? current : this.bucket.replaced.get(`${versionId} ${key}`);
    if (object === undefined) throw this.error('not-found', `"${this.name}" has no ${JSON.stringify(key)}.`, key);
    return object;
  }

  async *#body(key: Key, bytes: Buffer, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunkSize) {
      this.check(signal, key);
      yield bytes.subarray(at, at + chunkSize);
    }
    this.check(signal, key);
  }
}
