import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../objects/clock.ts';
import { errorMessage } from '../../objects/errors.ts';
import type { Catalog } from '../catalog.ts';
import { CatalogError } from '../errors.ts';
import { Database } from './database.ts';
import { migrate } from './migrate.ts';
import { SqliteCatalog } from './sqlite-catalog.ts';
import { busySeconds } from './translate-error.ts';

export interface SqliteCatalogOptions {
  /** The file; it and its directory are created when missing. */
  readonly path: string;
  readonly clock: Clock;
}

/**
 * Opens the catalog in a SQLite file, which several processes may use at the same time on one machine.
 * @throws CatalogError
 */
export async function openSqliteCatalog(options: SqliteCatalogOptions): Promise<Catalog> {
  const path = resolve(options.path);
  await createFile(path);
  const db = new Database(path);
  try {
    await configure(db);
    migrate(db, options.clock.now());
    return new SqliteCatalog(db, options.clock);
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
}

/** Keys and metadata are the users': nobody else may read them. SQLite gives the files beside it the same mode. */
async function createFile(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await using _ = await open(path, 'a', 0o600);
  } catch (error) {
    const advice = 'Check that `catalog` names a file this user may create and write.';
    throw new CatalogError('unavailable', `Catalog ${path}: ${errorMessage(error)}. ${advice}`, error);
  }
}

/**
 * - WAL: readers and one writer do not hinder each other.
 * - FULL: a commit is on the disk before it returns; NORMAL would lose the last ones when the power fails.
 * - No memory mapping: a failing disk shall be an error, not a signal.
 * - A cache of 32 MiB, and a log that shrinks again after a large transaction.
 */
const pragmas = `pragma synchronous = full; pragma mmap_size = 0; pragma cache_size = -32768;
  pragma journal_size_limit = 67108864; pragma wal_autocheckpoint = 4000;`;

async function configure(db: Database): Promise<void> {
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
