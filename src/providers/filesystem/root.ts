import type { BigIntStats } from 'node:fs';
import type { Disk } from './disk.ts';
import { Refusal, isErrno } from './errors.ts';
import type { Raw } from './raw.ts';
import { shown } from './raw.ts';

/**
 * The directory that everything lies below. It may itself be a symbolic link, which is resolved once.
 *
 * An unmounted disk leaves an empty directory where its root was. That must look neither like an empty source nor
 * like a fresh target, so the directory is recognised again (`verify`) around every listing and whenever something
 * is not found.
 */
export class Root {
  /** Absolute, without a slash at the end ('' is the filesystem's own root). */
  readonly path: Raw;
  /** Inode number and birth time: another one when a disk is unmounted, the same after a reboot or a remount. */
  readonly identity: string;
  readonly disk: Disk;

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

  /** @throws Refusal when the directory is gone or is another one than when it was opened. */
  async verify(): Promise<void> {
    const now = identityOf(await statRoot(this.path || '/', this.disk));
    if (now === this.identity) return;
    throw new Refusal(
      'unavailable',
      `${shown(this.path)} is another directory than when Holdfast opened it: was its disk unmounted? ` +
        'Mount it again, or restart Holdfast if the directory was replaced on purpose.',
    );
  }
}

/** @throws Refusal `not-found` when the directory does not exist or is none. */
export async function openRoot(path: Raw, disk: Disk): Promise<Root> {
  const found = await statRoot(path, disk);
  const real = await disk.realpath(path);
  return new Root(real === '/' ? '' : real, identityOf(found), disk);
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
