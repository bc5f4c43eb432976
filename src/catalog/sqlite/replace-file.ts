import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const beside = ['-wal', '-shm'] as const;

/** Removes a catalog's file with what SQLite keeps beside it; what is not there is no error. */
export async function removeCatalogFile(path: string): Promise<void> {
  for (const ending of ['', ...beside]) await rm(path + ending, { force: true });
}

/**
 * Puts a catalog's file, which nobody has open, in the place of another one, which is kept under the name `aside`. At any
 * moment one of the two stands there, whole.
 * @param aside undefined when nothing stands there
 */
export async function replaceCatalogFile(from: string, to: string, aside: string | undefined): Promise<void> {
  if (aside !== undefined) {
    // The log of another file would be taken for the new one's.
    for (const ending of beside) await ignoringAbsence(rename(to + ending, aside + ending));
    await link(to, aside);
  }
  await rename(from, to);
  await using directory = await open(dirname(to));
  await directory.sync();
}

async function ignoringAbsence(done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error;
  }
}
