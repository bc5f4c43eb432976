import { constants } from 'node:fs';
import { join, resolve } from 'node:path';
import PQueue from 'p-queue';
import type { Clock } from '../../objects/clock.ts';
import { systemClock } from '../../objects/clock.ts';
import type { ProviderError } from '../../objects/errors.ts';
import { reservedPrefix, type Key } from '../../objects/key.ts';
import type { ObjectHead } from '../../objects/object.ts';
import type {
  Capabilities,
  DeleteOptions,
  ListOptions,
  ListPage,
  ObjectReader,
  OpenUpload,
  ProviderRole,
  PutOptions,
  ReadOptions,
  ResumedUpload,
  StoredCopy,
  Upload,
  UploadOptions,
} from '../provider.ts';
import type { ExaminableProvider, Examination, ExamineOptions } from '../examination.ts';
import { cleaningUp } from '../notes.ts';
import { conduct, type Trials } from '../examine-use.ts';
import { capabilities } from './capabilities.ts';
import { Disk, type DiskCalls } from './disk.ts';
import { Refusal, translate } from './errors.ts';
import { examineDirectory } from './examine.ts';
import { examineDisk, type Guarded } from './examine-disk.ts';
import type { Parts, PartsOptions } from './parts.ts';
import { partsOf } from './parts.ts';
import { prepareTarget } from './probe.ts';
import { keyFromRaw, rawFromKey } from './raw.ts';
import type { Root } from './root.ts';
import { createRoot, openRoot } from './root.ts';
import { listTemporary, removeTemporary, TemporaryFile } from './temporary.ts';
import { Threads } from './threads.ts';
import type { Guard } from './upload.ts';
import { FileUpload } from './upload.ts';

export interface FilesystemOptions {
  /** The name in the configuration. */
  readonly name: string;
  /** The directory; relative to the working directory. */
  readonly path: string;
  /** A relative directory below it, ending in '/'. */
  readonly prefix?: string;
  /** `skip` (default): links are reported, not read. `follow`: what they lead to is an object, or a directory of them. */
  readonly symlinks?: 'skip' | 'follow';
}

/** What all filesystems share, and what tests own. */
export interface FilesystemSurroundings extends DiskCalls {
  readonly clock?: Clock;
  /** Those that all filesystems of the process share. */
  readonly threads?: Threads;
  /** The directory's identity, where another thread of the process has opened it: no other one is used, and none is made. */
  readonly known?: () => string | undefined;
  /** Names of one directory that a listing holds in memory (twice over); larger directories are read in passes. */
  readonly maxNames?: number;
}

/** Opens nothing yet: `connect` does. */
export function openFilesystem(
  options: FilesystemOptions,
  surroundings: FilesystemSurroundings = {},
): FilesystemProvider {
  return new FilesystemProvider(options, surroundings);
}

/** A directory as a provider: objects are plain files at plain paths wherever a key is a usable path (see `layout.ts`). */
export class FilesystemProvider implements ExaminableProvider {
  readonly name: string;
  readonly #path: string;
  readonly #options: PartsOptions;
  /** Puts hold up to three files open; reads and uploads are bounded by who asks for them. */
  readonly #puts = new PQueue({ concurrency: 64 });
  /** Files of uploads, until they are complete or aborted. */
  readonly #uploading = new Set<TemporaryFile>();
  readonly #disk: Disk;
  readonly #known: () => string | undefined;
  #parts: Promise<Parts> | undefined;
  #target: Promise<void> | undefined;

  constructor(options: FilesystemOptions, surroundings: FilesystemSurroundings) {
    const { clock = systemClock, threads = new Threads(threadsOfNode), maxNames = 250_000 } = surroundings;
    this.#disk = new Disk(threads.share(), surroundings);
    this.#known = surroundings.known ?? (() => undefined);
    this.name = options.name;
    this.#path = resolve(join(options.path, options.prefix ?? ''));
    this.#options = { clock, maxNames, follow: options.symlinks === 'follow' };
  }

  async connect(role: ProviderRole, signal: AbortSignal): Promise<Capabilities> {
    return await this.#guard(signal, undefined, async () => {
      if (role === 'target') await this.#prepared();
      const { root } = await this.#opened();
      await root.verify();
      await (await this.#disk.open(root.path || '/', constants.O_RDONLY | constants.O_DIRECTORY)).close();
      return { ...capabilities, identity: root.identity };
    });
  }

  async *list(options: ListOptions, signal: AbortSignal): AsyncGenerator<ListPage, void, undefined> {
    try {
      await this.#disk.ready(signal);
      const { lister } = await this.#opened();
      for await (const page of lister.pages(options, signal)) {
        yield page;
        signal.throwIfAborted();
      }
    } catch (error) {
      throw this.#failure(error, undefined, signal);
    }
  }

  async head(key: Key, signal: AbortSignal): Promise<ObjectHead> {
    return await this.#guard(signal, key, async () => await (await this.#opened()).files.head(key));
  }

  async read(key: Key, options: ReadOptions, signal: AbortSignal): Promise<ObjectReader> {
    const failure = (error: unknown): ProviderError => this.#failure(error, key, signal);
    return await this.#guard(signal, key, async () => {
      const { files } = await this.#opened();
      return await files.read(key, options, signal, failure);
    });
  }

  async put(key: Key, bytes: Buffer, options: PutOptions, signal: AbortSignal): Promise<StoredCopy> {
    return await this.#guard(signal, key, async () => {
      const { root, writer } = await this.#opened();
      return await this.#puts.add(async () => {
        signal.throwIfAborted();
        await using file = await TemporaryFile.create(root);
        await file.write(bytes, 0, signal);
        const { attributes, record, precondition } = options;
        const finished = { key, raw: rawFromKey(key), file, content: { attributes, record }, precondition };
        return await writer.commit(finished, signal);
      });
    });
  }

  async startUpload(key: Key, options: UploadOptions, signal: AbortSignal): Promise<Upload> {
    return await this.#guard(signal, key, async () => {
      const parts = await this.#opened();
      // What cannot be held, or not there, is refused before its bytes are sent.
      await parts.root.verify();
      await parts.locator.placeFor(rawFromKey(key));
      return this.#upload(key, options, parts, await TemporaryFile.create(parts.root));
    });
  }

  async resumeUpload(
    key: Key,
    options: UploadOptions,
    checkpoint: string,
    signal: AbortSignal,
  ): Promise<ResumedUpload | undefined> {
    return await this.#guard(signal, key, async () => {
      const parts = await this.#opened();
      const file = await TemporaryFile.cloneOf(parts.root, checkpoint);
      if (file === undefined) return undefined;
      // What stands behind the end would become part of the object.
      if ((await file.stat()).size <= options.size) return this.#upload(key, options, parts, file);
      await file[Symbol.asyncDispose]();
      return undefined;
    });
  }

  async abortUpload(_key: Key | null, checkpoint: string, signal: AbortSignal): Promise<void> {
    await this.#guard(signal, undefined, async () => {
      await removeTemporary((await this.#opened()).root, checkpoint);
    });
  }

  async listUploads(key: Key | null, known: readonly string[], signal: AbortSignal): Promise<readonly OpenUpload[]> {
    if (key !== null) return [];
    return await this.#guard(signal, undefined, async () => {
      const except = new Set(known);
      const found = await listTemporary((await this.#opened()).root);
      const unknown = found.filter(({ name }) => !except.has(name));
      return unknown.map(({ name, changedAt }) => ({ checkpoint: name, startedAt: changedAt }));
    });
  }

  #upload(key: Key, options: UploadOptions, { writer }: Parts, file: TemporaryFile): FileUpload {
    this.#uploading.add(file);
    const guard: Guard = (part, work) => this.#guard(part, key, work);
    return new FileUpload(key, options, { file, writer, guard, done: () => this.#uploading.delete(file) });
  }

  async delete(key: Key, options: DeleteOptions, signal: AbortSignal): Promise<void> {
    await this.#guard(signal, key, async () => {
      const { remover } = await this.#opened();
      await remover.remove(key, options, signal);
    });
  }

  async examine({ role, clock }: ExamineOptions, signal: AbortSignal): Promise<Examination> {
    const guarded: Guarded = (work) => this.#guard(cleaningUp(signal), undefined, work);
    const root = (): Promise<Root> => guarded(async () => (await this.#opened()).root);
    const trials: Trials = {
      look: async (notes) => await examineDirectory(await root(), guarded, notes),
      attempt: async (notes) => await examineDisk(await root(), guarded, clock, notes),
    };
    return conduct(this, { root: '', reserved: reservedPrefix }, role, trials, signal);
  }

  async close(): Promise<void> {
    await this.#puts.onIdle();
    for (const file of this.#uploading) await file[Symbol.asyncDispose]();
    this.#uploading.clear();
  }

  async #opened(): Promise<Parts> {
    const opening = (this.#parts ??= openRoot(rawFromKey(this.#path), this.#disk, this.#known()).then((root) =>
      partsOf(root, this.#options),
    ));
    try {
      return await opening;
    } catch (error) {
      this.#parts = undefined;
      throw error;
    }
  }

  async #prepared(): Promise<void> {
    const preparing = (this.#target ??= this.#prepare());
    try {
      await preparing;
    } catch (error) {
      this.#target = undefined;
      throw error;
    }
  }

  /** A directory that was opened before is neither made again nor replaced by what stands there now. */
  async #prepare(): Promise<void> {
    const before = await this.#parts?.catch(() => undefined);
    if (before === undefined && this.#known() === undefined) await createRoot(rawFromKey(this.#path), this.#disk);
    const { root, locator, directories } = await this.#opened();
    try {
      await root.verify();
      locator.rules = await prepareTarget(root, directories);
    } catch (error) {
      // It may be what lies under a mount point: nothing is bound to it before it took something.
      if (before === undefined) this.#parts = undefined;
      throw error;
    }
  }

  async #guard<T>(signal: AbortSignal, key: Key | undefined, work: () => Promise<T>): Promise<T> {
    try {
      // Whoever waits for a disk that hangs waits here, with nothing begun, and can leave.
      await this.#disk.ready(signal);
      if (key !== undefined) checkKey(key);
      return await work();
    } catch (error) {
      throw this.#failure(error, key, signal);
    }
  }

  #failure(error: unknown, key: Key | undefined, signal: AbortSignal): ProviderError {
    const context = { provider: this.name, path: this.#path, signal };
    return translate(error, key === undefined ? context : { ...context, key });
  }
}

/** Of Node's pool, unless it was told otherwise. */
const threadsOfNode = 4;

/** A string that stands for no bytes would be taken for another key. */
function checkKey(key: Key): void {
  if (key === '') throw new Refusal('unsupported', 'The empty key names no object.');
  if (key.isWellFormed() || keyFromRaw(rawFromKey(key)) === key) return;
  throw new Refusal('invalid', `${JSON.stringify(key)} is no key: it holds surrogates that stand for no byte.`);
}
