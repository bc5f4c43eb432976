import { setTimeout as delay } from 'node:timers/promises';
import { CatalogError } from '../errors.ts';
import type { Database } from './database.ts';
import { busySeconds } from './translate-error.ts';

/**
 * - WAL: readers and one writer do not hinder each other.
 * - FULL: a commit is on the disk before it returns; NORMAL would lose the last ones when the power fails.
 * - No memory mapping: a failing disk shall be an error, not a signal.
 * - A cache of 32 MiB, and a log that shrinks again after a large transaction.
 */
const pragmas = `pragma synchronous = full; pragma mmap_size = 0; pragma cache_size = -32768;
  pragma journal_size_limit = 67108864; pragma wal_autocheckpoint = 4000;
  pragma secure_delete = fast;`;

export async function configure(db: Database): Promise<void> {
  await useWal(db);
  db.exec(pragmas);
}

/** Changing to WAL does not wait for a process that is doing the same (SQLite answers busy at once), so it is tried again. */
async function useWal(db: Database): Promise<void> {
  const deadline = performance.now() + busySeconds * 1000;
  for (;;) {
    try {
      db.exec('pragma journal_mode = wal');
      return;
    } catch (error) {
      if (!(error instanceof CatalogError) || error.code !== 'busy' || performance.now() > deadline) throw error;
      await delay(10);
    }
  }
}
