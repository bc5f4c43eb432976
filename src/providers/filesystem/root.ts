import { mkdir, realpath, stat } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { Refusal, isErrno } from './errors.ts';
import type { Raw } from './raw.ts';
import { pathOf, shown } from './raw.ts';

/** The name of a path as it stands on the disk, symbolic links resolved. Throws ENOENT and its like. */
export type ExactName = (path: Raw) => Promise<Raw>;

export const exactNameOnDisk: ExactName = (path) => realpath(pathOf(path), { encoding: 'latin1' });

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

  constructor(path: Raw, identity: string) {
    this.path = path;
    this.identity = identity;
  }

  at(relative: Raw): Raw {
    return `${this.path}/${relative}`;
  }

  shown(relative: Raw): string {
    return shown(this.at(relative));
  }

  /** @throws Refusal when the directory is gone or is another one than when it was opened. */
  async verify(): Promise<void> {
    const now = identityOf(await statRoot(this.path || '/'));
    if (now === this.identity) return;
    throw new Refusal(
      'unavailable',
      `${shown(this.path)} is another directory than when Holdfast opened it: was its disk unmounted? ` +
        'Mount it again, or restart Holdfast if the directory was replaced on purpose.',
    );
  }
}

/** @throws Refusal `not-found` when the directory does not exist or is none. */
export async function openRoot(path: string): Promise<Root> {
  const found = await statRoot(Buffer.from(path).toString('latin1'));
  const real = await realpath(path, { encoding: 'latin1' });
  return new Root(real === '/' ? '' : real, identityOf(found));
}

/** A target's directory is made when it is missing: on an empty machine the configuration alone must be enough. */
export async function createRoot(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}

async function statRoot(path: Raw): Promise<BigIntStats> {
  try {
    const found = await stat(pathOf(path), { bigint: true });
    if (found.isDirectory()) return found;
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new Refusal('not-found', `The directory ${shown(path)} does not exist; create it or mount it.`, error);
  }
  throw new Refusal('not-found', `${shown(path)} is not a directory; name the directory that holds the objects.`);
}

function identityOf(found: BigIntStats): string {
  return `${found.ino}-${found.birthtimeNs}`;
}
