import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const beside = ['-wal', '-shm'] as const;

/** Removes a catalog's file with what SQLite keeps beside it; what is not there is no error. */
export async function removeCatalogFile(path: string): Promise<void> {
  for (const ending of ['', ...beside]) await rm(path + ending, { force: true });
}

export interface Replacing {
  /** The name under which what stands there is kept. */
  readonly aside: string;
  /** Whether something stands there. */
  readonly expected: boolean;
}

/**
 * Puts a catalog's file, which nobody has open, in the place of another one. At any moment one of the two stands there,
 * whole. @returns false when something stands there that was not expected; it is left.
 */
export async function replaceCatalogFile(from: string, to: string, { aside, expected }: Replacing): Promise<boolean> {
  // The log of another file would be taken for the new one's, also where only that was left.
  for (const ending of beside) await ignoringAbsence(rename(to + ending, aside + ending));
  if (expected) {
    await link(to, aside);
    await rename(from, to);
  } else if (!(await linked(from, to))) return false;
  await using directory = await open(dirname(to));
  await directory.sync();
  return true;
}

/** Of two that put a file in the same place, one is told that it came too late. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function ignoringAbsence(done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
