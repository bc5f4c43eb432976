import * as callbacks from 'node:fs';
import { constants } from 'node:fs';
import type { BigIntStats, Dir, Dirent, StatsFs } from 'node:fs';
import * as fs from 'node:fs/promises';
import { isErrno } from './errors.ts';
import { pathOf, type Raw } from './raw.ts';
import type { Share } from './threads.ts';

/** The name of a path as it stands on the disk, symbolic links resolved. Throws ENOENT and its like. */
export type ExactName = (path: Raw) => Promise<Raw>;

export const exactNameOnDisk: ExactName = (path) =>
  called((done) => callbacks.realpath.native(pathOf(path), { encoding: 'latin1' }, done));

/** Makes a file whose bytes are those of another, at the cost of a few blocks. */
export type Clone = (from: Buffer | string, to: Buffer | string) => Promise<void>;

/** Btrfs, XFS, ZFS, APFS and NFS 4.2 over one of them can; where not, copying costs no less than sending all again. */
export const cloneOnDisk: Clone = async (from, to) => {
  await fs.copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
};

/** What tests own. */
export interface DiskCalls {
  readonly exactName?: ExactName;
  readonly clone?: Clone;
}

/**
 * Every call of one filesystem into the system: they share its threads, so that a disk that hangs does not take them all
 * (the linter keeps `node:fs/promises` out of the rest of this room). Paths are absolute. Errors are the system's own.
 */
export class Disk {
  readonly #share: Share;
  readonly #calls: Required<DiskCalls>;

  constructor(share: Share, calls: DiskCalls = {}) {
    this.#share = share;
    this.#calls = { exactName: exactNameOnDisk, clone: cloneOnDisk, ...calls };
  }

  /** Resolves when a call would begin at once. Rejects with the signal's reason when it aborts first. */
  async ready(signal: AbortSignal): Promise<void> {
    await this.#share.ready(signal);
  }

  async open(path: Raw, flags: string | number): Promise<OpenFile> {
    return new OpenFile(await this.#share.run(() => fs.open(pathOf(path), flags)), this.#share);
  }

  stat(path: Raw): Promise<BigIntStats> {
    return this.#share.run(() => called((done) => callbacks.stat(pathOf(path), { bigint: true }, done)));
  }

  lstat(path: Raw): Promise<BigIntStats> {
    return this.#share.run(() => called((done) => callbacks.lstat(pathOf(path), { bigint: true }, done)));
  }

  async lstatIfThere(path: Raw): Promise<BigIntStats | undefined> {
    try {
      return await this.lstat(path);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  statfs(path: Raw): Promise<StatsFs> {
    return this.#share.run(() => fs.statfs(pathOf(path)));
  }

  access(path: Raw, mode: number): Promise<void> {
    return this.#share.run(() => fs.access(pathOf(path), mode));
  }

  realpath(path: Raw): Promise<Raw> {
    return this.#share.run(() => exactNameOnDisk(path));
  }

  exactName(path: Raw): Promise<Raw> {
    return this.#share.run(() => this.#calls.exactName(path));
  }

  clone(from: Raw, to: Raw): Promise<void> {
    return this.#share.run(() => this.#calls.clone(pathOf(from), pathOf(to)));
  }

  link(from: Raw, to: Raw): Promise<void> {
    return this.#share.run(() => fs.link(pathOf(from), pathOf(to)));
  }

  rename(from: Raw, to: Raw): Promise<void> {
    return this.#share.run(() => fs.rename(pathOf(from), pathOf(to)));
  }

  /** @returns whether there was something to remove. */
  async unlinkIfThere(path: Raw): Promise<boolean> {
    try {
      await this.#share.run(() => fs.unlink(pathOf(path)));
      return true;
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG')) return false;
      throw error;
    }
  }

  async mkdir(path: Raw, options: { readonly recursive: boolean } = { recursive: false }): Promise<void> {
    await this.#share.run(() => fs.mkdir(pathOf(path), options));
  }

  rmdir(path: Raw): Promise<void> {
    return this.#share.run(() => fs.rmdir(pathOf(path)));
  }

  /** Removes a directory that holds nothing but files, if it is there. Node's own `rm` takes a thread for each of them. */
  async removeWithFiles(path: Raw): Promise<void> {
    try {
      for (const name of await this.readdir(path)) await this.unlinkIfThere(`${path}/${name}`);
      await this.rmdir(path);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }

  readdir(path: Raw): Promise<Raw[]> {
    return this.#share.run(() => fs.readdir(pathOf(path), { encoding: 'latin1' }));
  }

  /** The names in a directory, as the system gives them. */
  async *entries(path: Raw, signal: AbortSignal): AsyncGenerator<readonly Dirent[], void, undefined> {
    // Large steps: a call for every 32 names, the default, takes three times as long.
    const options = { encoding: 'latin1', bufferSize: namesAtOnce } as const;
    const directory = await this.#share.run(() => fs.opendir(pathOf(path), options), signal);
    try {
      for (let full = true; full;) {
        const names = await this.#share.run(() => nextNames(directory), signal);
        yield names;
        full = names.length === namesAtOnce;
      }
    } finally {
      await this.#share.run(() => directory.close());
    }
  }

  readText(path: Raw): Promise<string> {
    return this.#share.run(() => called((done) => callbacks.readFile(pathOf(path), 'utf8', done)));
  }

  writeText(path: Raw, text: string): Promise<void> {
    return this.#share.run(() => fs.writeFile(pathOf(path), text));
  }
}

type Done<T> = (error: Error | null, value: T) => void;

/**
 * What is asked for every object goes by Node's callbacks: its promises take twice the CPU (measured on Node 24.21 with the
 * calls that reading a small file takes: 219 µs, and 116 by callbacks).
 */
function called<T>(call: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === null) resolve(value);
      else reject(error);
    });
  });
}

const namesAtOnce = 1_024;

async function nextNames(directory: Dir): Promise<readonly Dirent[]> {
  const names: Dirent[] = [];
  while (names.length < namesAtOnce) {
    const entry = await directory.read();
    if (entry === null) break;
    names.push(entry);
  }
  return names;
}

/** An open file, or a directory that is to be synced. `signal` ends a call that waits for its turn. */
export class OpenFile implements AsyncDisposable {
  readonly #handle: fs.FileHandle;
  readonly #share: Share;
  /** Calls by the descriptor's number, of which the handle knows nothing: another file may get the number once it is closed. */
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(handle: fs.FileHandle, share: Share) {
    this.#handle = handle;
    this.#share = share;
  }

  /** @returns the number of bytes read into the beginning of `buffer`. */
  async read(buffer: Buffer, length: number, position: number, signal: AbortSignal): Promise<number> {
    return await this.#share.run(
      () => this.#called<number>((fd, done) => callbacks.read(fd, buffer, 0, length, position, done)),
      signal,
    );
  }

  /** @returns the number of bytes written. */
  async write(bytes: Buffer, range: Range, position: number, signal?: AbortSignal): Promise<number> {
    const { from, length } = range;
    return (await this.#share.run(() => this.#handle.write(bytes, from, length, position), signal)).bytesWritten;
  }

  stat(): Promise<BigIntStats> {
    return this.#share.run(() => this.#called((fd, done) => callbacks.fstat(fd, { bigint: true }, done)));
  }

  setModified(time: number | Date): Promise<void> {
    return this.#share.run(() => this.#handle.utimes(time, time));
  }

  sync(): Promise<void> {
    return this.#share.run(() => this.#handle.sync());
  }

  /** What is under way ends first. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#share.run(() => this.#handle.close());
  }

  async #called<T>(call: (fd: number, done: Done<T>) => void): Promise<T> {
    const calling = called<T>((done) => call(this.#handle.fd, done));
    this.#underWay.add(calling);
    try {
      return await calling;
    } finally {
      this.#underWay.delete(calling);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Of a buffer. */
interface Range {
  readonly from: number;
  readonly length: number;
}
