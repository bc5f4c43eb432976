import { crc32c } from '@node-rs/crc32';
import type { Checksums } from '../../../src/objects/checksum.ts';
import { compareKeys, isReserved, reservedPrefix, type Key } from '../../../src/objects/key.ts';
import type { ObjectHead, ObjectInfo } from '../../../src/objects/object.ts';
import type { Operation } from '../../../src/providers/intercept.ts';
import type {
  Capabilities,
  DeleteOptions,
  ListOptions,
  ListPage,
  ObjectReader,
  OpenUpload,
  Precondition,
  Provider,
  PutOptions,
  ReadOptions,
  ResumedUpload,
  StoredCopy,
  Upload,
  UploadOptions,
} from '../../../src/providers/provider.ts';
import type { Content, Doer, Store, Stored } from './store.ts';
import { SimulatedUpload } from './upload.ts';
import type { Uploads } from './uploads.ts';
import { damaged, failing, send, type Line, type RequestFault } from './wire.ts';

export interface ClientOptions {
  readonly store: Store;
  readonly capabilities: Capabilities;
  readonly doer: Doer;
  /** Entries of a page of a listing, and bytes of a chunk of a body. */
  readonly pageSize: number;
  readonly chunkSize: number;
  /** Whether a body breaks off when its object is replaced while it is read; else it goes on with what it began. */
  readonly breaksOff: boolean;
  readonly comparesParts: boolean;
  readonly line?: Line;
}

/** A provider as one process has it: a store at the end of a wire. */
export class SimulatedProvider implements Provider {
  readonly name: string;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.name = options.store.name;
    this.#options = options;
  }

  async connect(_role: string, signal: AbortSignal): Promise<Capabilities> {
    const { store, capabilities } = this.#options;
    return await this.ask(
      'connect',
      undefined,
      () => ({
        ...capabilities,
        ...(capabilities.identity === undefined ? {} : { identity: store.identity }),
        ...(store.options.keepsReplaced ? { keepsReplaced: true } : {}),
      }),
      signal,
    );
  }

  async *list({ prefix = '', after }: ListOptions, signal: AbortSignal): AsyncGenerator<ListPage> {
    let last = after;
    const { pageSize, capabilities } = this.#options;
    for (;;) {
      const from = last;
      const page = await this.ask('list', undefined, () => this.#page(prefix, from, pageSize), signal);
      last = page.at(-1)?.key;
      yield { entries: capabilities.listing === 'ordered' ? page : shuffled(page) };
      if (page.length < pageSize) return;
    }
  }

  async head(key: Key, signal: AbortSignal): Promise<ObjectHead> {
    return await this.ask('head', key, () => this.#headOf(key, this.#find(key)), signal);
  }

  async read(key: Key, options: ReadOptions, signal: AbortSignal): Promise<ObjectReader> {
    let fault: RequestFault | undefined;
    const [object, head] = await this.ask(
      'read',
      key,
      (met) => {
        fault = met;
        const found = this.#find(key, options.versionId);
        if (options.version !== undefined && options.version !== found.version) {
          throw this.error('conflict', `has version ${found.version} there, not ${options.version}`, key);
        }
        return [found, this.#headOf(key, found)] as const;
      },
      signal,
    );
    const bytes = damaged(object.bytes, fault);
    return {
      head,
      body: this.#body(
        key,
        object,
        bytes.subarray(options.from ?? 0, options.to),
        { ...options, cut: fault?.kind === 'cut' },
        signal,
      ),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async put(key: Key, bytes: Buffer, options: PutOptions, signal: AbortSignal): Promise<StoredCopy> {
    const { attests, limits } = this.#options.capabilities;
    const sent = Buffer.from(bytes);
    const { attributes, record, digest, precondition } = options;
    const effect = (fault: RequestFault | undefined): StoredCopy => {
      if (sent.length > limits.maxPutSize) throw this.error('invalid', 'does not take so much at once', key);
      const came = damaged(sent, fault);
      const checksums = attests.put === undefined ? {} : this.verify(key, came, digest);
      const content = { bytes: came, attributes, record, checksums, meant: digest.sha256 };
      const { version } = this.commit(key, content, precondition);
      return { version, size: came.length, ...(attests.put === undefined ? {} : { attested: attests.put }) };
    };
    return await this.ask('put', key, effect, signal);
  }

  async startUpload(key: Key, options: UploadOptions, signal: AbortSignal): Promise<Upload> {
    const { doer: by } = this.#options;
    const { size, partSize } = options;
    const effect = (): string => {
      this.#requireShape(key, options);
      return this.uploads.begin({ key, size, partSize, by });
    };
    return new SimulatedUpload(this, key, options, await this.ask('start-upload', key, effect, signal));
  }

  async resumeUpload(
    key: Key,
    options: UploadOptions,
    checkpoint: string,
    signal: AbortSignal,
  ): Promise<ResumedUpload | undefined> {
    const effect = (): boolean => {
      const left = this.uploads.open.get(checkpoint);
      return left?.key === key && left.size === options.size && left.partSize === options.partSize;
    };
    const fits = await this.ask('resume-upload', key, effect, signal);
    return fits ? new SimulatedUpload(this, key, options, checkpoint) : undefined;
  }

  async abortUpload(key: Key | null, checkpoint: string, signal: AbortSignal): Promise<void> {
    const effect = (): void => this.uploads.abort(checkpoint, this.#options.doer);
    await this.ask('abort', key ?? undefined, effect, signal);
  }

  async listUploads(key: Key | null, known: readonly string[], signal: AbortSignal): Promise<readonly OpenUpload[]> {
    return await this.ask('list-uploads', key ?? undefined, () => this.uploads.list(key, known), signal);
  }

  async delete(key: Key, { precondition }: DeleteOptions, signal: AbortSignal): Promise<void> {
    const { store, capabilities, doer } = this.#options;
    const effect = (): void => {
      if (!store.objects.has(key)) return;
      if (capabilities.conditionalDeletes && !store.holds(key, precondition)) {
        throw this.error('conflict', 'has another version there now', key);
      }
      store.remove(key, doer);
    };
    await this.ask('delete', key, effect, signal);
  }

  async close(): Promise<void> {}

  /** @internal */
  get capabilities(): Capabilities {
    return this.#options.capabilities;
  }

  /** @internal */
  get uploads(): Uploads {
    return this.#options.store.uploads;
  }

  /** @internal Whether the store tells which bytes it holds of an upload; where it attests them part by part, it must. */
  get comparesParts(): boolean {
    return this.#options.comparesParts || this.capabilities.attests.upload?.endsWith('part') === true;
  }

  /** @internal One request. */
  async ask<T>(
    operation: Operation,
    key: Key | undefined,
    effect: (fault: RequestFault | undefined) => T,
    signal: AbortSignal,
  ): Promise<T> {
    const request = { operation, effect, ...(key === undefined ? {} : { key }) };
    return await send(this.#options.line, this.name, request, signal);
  }

  /** @internal Makes an object visible, if its precondition holds. */
  commit(key: Key, content: Content, precondition: Precondition | undefined): Stored {
    const { store, capabilities, doer } = this.#options;
    if (capabilities.conditionalWrites && !store.holds(key, precondition)) {
      throw this.error('conflict', 'holds something else', key);
    }
    return store.write(key, content, doer);
  }

  /** @internal */
  stands(key: Key, version: string): boolean {
    return this.#options.store.objects.get(key)?.version === version;
  }

  /** @internal @throws ProviderError `checksum-mismatch` when the bytes are not those expected. */
  verify(key: Key, bytes: Buffer, expected: Checksums): Checksums {
    const found = crc32c(bytes).toString(16).padStart(8, '0');
    if (expected.crc32c === found) return { crc32c: found };
    throw this.error('checksum-mismatch', `got bytes with the crc32c ${found}, not ${expected.crc32c}`, key);
  }

  /** @internal */
  error(code: Parameters<ReturnType<typeof failing>>[0], what: string, key: Key): Error {
    return failing(this.name, key)(code, what);
  }

  #requireShape(key: Key, { size, partSize }: UploadOptions): void {
    const { part, maxObjectSize } = this.capabilities.limits;
    const count = Math.ceil(size / partSize);
    const cut = count > 1 && (partSize < part.min || partSize % part.multipleOf !== 0);
    if (cut || size > maxObjectSize || count > part.maxCount || partSize > part.max)
      throw this.error('invalid', 'takes no such parts', key);
  }

  #page(prefix: string, after: Key | undefined, size: number): ObjectInfo[] {
    const { store } = this.#options;
    const page: ObjectInfo[] = [];
    for (const key of store.keys()) {
      if (page.length >= size) break;
      const hidden = isReserved(key) && !prefix.startsWith(reservedPrefix);
      if (hidden || !key.startsWith(prefix) || (after !== undefined && compareKeys(key, after) <= 0)) continue;
      const object = store.objects.get(key);
      if (object === undefined) continue;
      const { bytes, version, modifiedAt, checksums } = object;
      page.push({ key, size: bytes.length, version, modifiedAt, checksums });
    }
    return page;
  }

  #headOf(key: Key, object: Stored): ObjectHead {
    const { bytes, version, modifiedAt, attributes, record, checksums } = object;
    const { keepsReplaced } = this.#options.store.options;
    return {
      ...{ key, size: bytes.length, version, modifiedAt, attributes, checksums },
      ...(record === undefined ? {} : { record }),
      ...(keepsReplaced ? { versionId: version } : {}),
    };
  }

  #find(key: Key, versionId?: string): Stored {
    const { store } = this.#options;
    const current = store.objects.get(key);
    const wanted = versionId === undefined || current?.version === versionId;
    const object = wanted ? current : store.replaced.get(`${versionId} ${key}`);
    if (object === undefined) throw this.error('not-found', `has no ${JSON.stringify(key)}`, key);
    return object;
  }

  async *#body(
    key: Key,
    object: Stored,
    bytes: Uint8Array,
    { versionId, cut }: ReadOptions & { readonly cut: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const { chunkSize, breaksOff, store } = this.#options;
    for (let at = 0; at < bytes.length; at += chunkSize) {
      // The first chunk comes with the head.
      if (at > 0) await this.ask('read', key, () => undefined, signal);
      if (signal.aborted) throw failing(this.name, key)('aborted', 'was aborted', signal.reason);
      if (breaksOff && versionId === undefined && store.objects.get(key)?.version !== object.version) {
        throw this.error('conflict', 'has another object there now', key);
      }
      if (cut && at >= chunkSize) throw failing(this.name, key)('unavailable', 'broke off');
      yield bytes.subarray(at, at + chunkSize);
    }
    if (cut) throw failing(this.name, key)('unavailable', 'broke off');
  }
}

/** Some order that is not the keys': of a page, which is disorder enough. */
function shuffled<T>(items: readonly T[]): T[] {
  return [...items.filter((_, at) => at % 2 === 1), ...items.filter((_, at) => at % 2 === 0)];
}
