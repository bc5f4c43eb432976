import type { BigIntStats } from 'node:fs';
import type { Disk } from './disk.ts';
import { Refusal, isErrno } from './errors.ts';
import type { Raw } from './raw.ts';
import { shown } from './raw.ts';

/**
 * The directory that everything lies below. It may itself be a symbolic link, which is resolved once.
 *
 * An unmounted disk leaves an empty directory where its root was. That must look neither like an empty source nor
 * like a fresh target, so the directory is recognised again (`verify`) around every listing, before a copy is put in place,
 * and whenever something is not found, or found on another device (`confirm`).
 */
export class Root {
  /** Absolute, without a slash at the end ('' is the filesystem's own root). */
  readonly path: Raw;
  /** Inode number and birth time: another one when a disk is unmounted, the same after a reboot or a remount. */
  readonly identity: string;
  readonly disk: Disk;
  /** Where it was when it was recognised last; another number when its disk is mounted anew. */
  #device: bigint | undefined;

  constructor(path: Raw, identity: string, disk: Disk) {
    this.path = path;
    this.identity = identity;
    this.disk = disk;
  }

  at(relative: Raw): Raw {
    return `${this.path}/${relative}`;
  }

  shown(relative: Raw): string {
    return shown(this.at(relative));
  }

  /**
   * @throws Refusal `unavailable` when the directory is another one than when it was opened, or gone: `not-found` would say
   * that an object is.
   */
  async verify(): Promise<void> {
    const now = await this.#standing();
    if (now !== undefined && identityOf(now) === this.identity) {
      this.#device = now.dev;
      return;
    }
    const found = now === undefined ? 'is gone since' : 'is another directory than when';
    throw new Refusal(
      'unavailable',
      `${shown(this.path)} ${found} Holdfast opened it: was its disk unmounted? ` +
        'Mount it again, or restart Holdfast if the directory was replaced on purpose.',
    );
  }

  /**
   * Whether what was found below is below this root: what stands on the same device need not be asked about again, and on
   * the disk under a mount point something may stand at the same path.
   * @throws as `verify`
   */
  async confirm({ dev }: Pick<BigIntStats, 'dev'>): Promise<void> {
    if (dev !== this.#device) await this.verify();
  }

  /** @returns what is there now, if it is a directory. */
  async #standing(): Promise<BigIntStats | undefined> {
    try {
      return await statRoot(this.path || '/', this.disk);
    } catch (error) {
      if (error instanceof Refusal && error.code === 'not-found') return undefined;
      throw error;
    }
  }
}

/**
 * @param known its identity, where this process has opened it before.
 * @throws Refusal `not-found` when the directory does not exist or is none, `unavailable` when it is not the known one.
 */
export async function openRoot(path: Raw, disk: Disk, known?: string): Promise<Root> {
  if (known !== undefined) await new Root(path, known, disk).verify();
  const found = await statRoot(path, disk);
  const real = await disk.realpath(path);
  return new Root(real === '/' ? '' : real, known ?? identityOf(found), disk);
}

/** A target's directory is made when it is missing: on an empty machine the configuration alone must be enough. */
export async function createRoot(path: Raw, disk: Disk): Promise<void> {
  try {
    await disk.mkdir(path, { recursive: true });
  } catch (error) {
    if (!isErrno(error, 'EEXIST', 'ENOTDIR')) throw error;
    throw notADirectory(path, error);
  }
}

async function statRoot(path: Raw, disk: Disk): Promise<BigIntStats> {
  try {
    const found = await disk.stat(path);
    if (found.isDirectory()) return found;
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new Refusal('not-found', `The directory ${shown(path)} does not exist; create it or mount it.`, error);
  }
  throw notADirectory(path);
}

function notADirectory(path: Raw, cause?: unknown): Refusal {
  const message = `${shown(path)} is not a directory; name the directory that holds the objects.`;
  return new Refusal('not-found', message, cause);
}

function identityOf(found: BigIntStats): string {
  return `${found.ino}-${found.birthtimeNs}`;
}
