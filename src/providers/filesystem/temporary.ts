import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { Disk, OpenFile } from './disk.ts';
import { Refusal, isErrno } from './errors.ts';
import { temporaryDirectory } from './layout.ts';
import type { Raw } from './raw.ts';
import type { Root } from './root.ts';

/** A file being written in `.holdfast/tmp/`. Disposing closes it and removes it unless it was moved in place. */
export class TemporaryFile implements AsyncDisposable {
  /** Absolute. */
  readonly path: Raw;
  readonly #disk: Disk;
  readonly #file: OpenFile;
  #moved = false;
  #closed: Promise<void> | undefined;
  /** Why what was written may not be on the disk. */
  #lost: { readonly error: unknown } | undefined;

  private constructor(path: Raw, disk: Disk, file: OpenFile) {
    this.path = path;
    this.#disk = disk;
    this.#file = file;
  }

  static async create(root: Root): Promise<TemporaryFile> {
    const path = root.at(`${temporaryDirectory}/${randomUUID()}`);
    try {
      return new TemporaryFile(path, root.disk, await root.disk.open(path, 'wx'));
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
      const directory = root.shown(temporaryDirectory);
      throw new Refusal(
        'unavailable',
        `${directory} is missing: was its disk unmounted? Mount it, or restart Holdfast.`,
        error,
      );
    }
  }

  /**
   * A file of its own with the bytes of the one that an upload left, which stays as it is: a process that slept longer than
   * its lease may have that open still, and would write into whatever became of it.
   * @returns undefined when it is gone or cannot be cloned: whoever begins anew meets what is wrong, if anything is.
   * @throws Refusal `invalid` for what is no name of ours.
   */
  static async cloneOf(root: Root, name: string): Promise<TemporaryFile | undefined> {
    const left = root.at(`${temporaryDirectory}/${requireName(name)}`);
    const path = root.at(`${temporaryDirectory}/${randomUUID()}`);
    try {
      await root.disk.clone(left, path);
      return new TemporaryFile(path, root.disk, await root.disk.open(path, 'r+'));
    } catch {
      await root.disk.unlinkIfThere(path);
      return undefined;
    }
  }

  /** Within `.holdfast/tmp/`. */
  get name(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1);
  }

  /** Only of a clone. */
  async holds(bytes: Buffer, position: number, signal: AbortSignal): Promise<boolean> {
    const found = Buffer.allocUnsafe(Math.min(bytes.length, largestRead));
    for (let done = 0; done < bytes.length;) {
      signal.throwIfAborted();
      const length = Math.min(bytes.length - done, found.length);
      const bytesRead = await this.#file.read(found, length, position + done, signal);
      if (bytesRead === 0 || bytes.compare(found, 0, bytesRead, done, done + bytesRead) !== 0) return false;
      done += bytesRead;
    }
    return true;
  }

  async write(bytes: Buffer, position: number, signal?: AbortSignal): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      signal?.throwIfAborted();
      const length = Math.min(bytes.length - done, largestWrite);
      done += await this.#file.write(bytes, { from: done, length }, position + done, signal);
    }
  }

  /** Milliseconds since the epoch. Also moves the change time, which no program can set. */
  async setModified(modifiedAt: number): Promise<void> {
    // Half a microsecond more: seconds as a double, cut to microseconds, would often lose a millisecond. Node takes
    // a negative number for "now", but a Date for what it is.
    const time = modifiedAt >= 0 ? (modifiedAt + 0.0005) / 1_000 : new Date(modifiedAt);
    await this.#file.setModified(time);
  }

  async stat(): Promise<BigIntStats> {
    return await this.#file.stat();
  }

  /**
   * The kernel tells once that bytes did not get to the disk, and then takes them for written: a file that could not be
   * synced never will be, however often that is tried, or it would be read back from memory and count as proven.
   */
  async sync(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost.error;
    try {
      await this.#file.sync();
    } catch (error) {
      this.#lost = { error };
      throw error;
    }
  }

  get isMoved(): boolean {
    return this.#moved;
  }

  /** It has its place now: `path` is not its name any more. */
  moved(): void {
    this.#moved = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#closed ??= this.#close());
  }

  /** Closes it and lets it stand, to be opened again. */
  async leave(): Promise<void> {
    await (this.#closed ??= this.#file.close());
  }

  async #close(): Promise<void> {
    try {
      await this.#file.close();
    } finally {
      if (!this.#moved) await this.#disk.unlinkIfThere(this.path);
    }
  }
}

/** Removes a file that nobody has open. @throws Refusal `invalid` for what is no name of ours. */
export async function removeTemporary(root: Root, name: string): Promise<void> {
  await root.disk.unlinkIfThere(root.at(`${temporaryDirectory}/${requireName(name)}`));
}

/**
 * All temporary files, of puts and sidecars too. By the change time, because a file about to be put in place has its
 * source's modification time, which may be years ago.
 */
export async function listTemporary(root: Root): Promise<{ readonly name: string; readonly changedAt: number }[]> {
  const directory = root.at(temporaryDirectory);
  const found: { readonly name: string; readonly changedAt: number }[] = [];
  for (const name of await root.disk.readdir(directory)) {
    if (!namePattern.test(name)) continue;
    const stat = await root.disk.lstatIfThere(`${directory}/${name}`);
    if (stat?.isFile() === true) found.push({ name, changedAt: Number(stat.ctimeMs) });
  }
  return found;
}

const namePattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A name comes from the catalog; it must lead nowhere else. */
function requireName(name: string): string {
  if (namePattern.test(name)) return name;
  throw new Refusal('invalid', `${JSON.stringify(name)} is no temporary file of Holdfast.`);
}

/** Bytes. */
const largestRead = 1024 * 1024;

/** Bytes. The kernel writes at most 2 GiB at once, and between two writes an abort is seen. */
const largestWrite = 8 * 1024 * 1024;
