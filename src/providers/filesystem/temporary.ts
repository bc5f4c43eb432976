import { randomUUID } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, unlink } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { Refusal, isErrno } from './errors.ts';
import { temporaryDirectory } from './layout.ts';
import type { Raw } from './raw.ts';
import { pathOf } from './raw.ts';
import type { Root } from './root.ts';

/** A file being written in `.holdfast/tmp/`. Disposing closes it and removes it unless it was moved in place. */
export class TemporaryFile implements AsyncDisposable {
  /** Absolute. */
  readonly path: Raw;
  readonly #handle: FileHandle;
  #moved = false;
  #closed: Promise<void> | undefined;

  private constructor(path: Raw, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  static async create(root: Root): Promise<TemporaryFile> {
    const path = root.at(`${temporaryDirectory}/${randomUUID()}`);
    try {
      return new TemporaryFile(path, await open(pathOf(path), 'wx'));
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

  async write(bytes: Buffer, position: number, signal?: AbortSignal): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      signal?.throwIfAborted();
      const length = Math.min(bytes.length - done, largestWrite);
      const { bytesWritten } = await this.#handle.write(bytes, done, length, position + done);
      done += bytesWritten;
    }
  }

  /** Milliseconds since the epoch. Also moves the change time, which no program can set. */
  async setModified(modifiedAt: number): Promise<void> {
    // Half a microsecond more: seconds as a double, cut to microseconds, would often lose a millisecond. Node takes
    // a negative number for "now", but a Date for what it is.
    const time = modifiedAt >= 0 ? (modifiedAt + 0.0005) / 1_000 : new Date(modifiedAt);
    await this.#handle.utimes(time, time);
  }

  async stat(): Promise<BigIntStats> {
    return await this.#handle.stat({ bigint: true });
  }

  async sync(): Promise<void> {
    await this.#handle.sync();
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

  async #close(): Promise<void> {
    try {
      await this.#handle.close();
    } finally {
      if (!this.#moved) await unlinkIfThere(this.path);
    }
  }
}

/** Bytes. The kernel writes at most 2 GiB at once, and between two writes an abort is seen. */
const largestWrite = 8 * 1024 * 1024;

/** @returns whether there was something to remove. `path` is absolute. */
export async function unlinkIfThere(path: Raw): Promise<boolean> {
  try {
    await unlink(pathOf(path));
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG')) return false;
    throw error;
  }
}
