import { mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock } from '../../objects/clock.ts';
import { errorMessage } from '../../objects/errors.ts';
import type { Catalog } from '../catalog.ts';
import { CatalogError } from '../errors.ts';
import type { Outlast } from '../outlast.ts';
import { configure } from './configure.ts';
import { Database } from './database.ts';
import { migrate } from './migrate.ts';
import { SqliteCatalog } from './sqlite-catalog.ts';
import { isBehind, tally } from './tally.ts';

export interface SqliteCatalogOptions {
  /** The file; it and its directory are created when missing. */
  readonly path: string;
  readonly clock: Clock;
  /** Default: a write that fails once fails. */
  readonly outlast?: Outlast;
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
    // After a migration, or when another program changed the file.
    if (isBehind(db)) db.transaction(() => tally({ db, untallied: new Set() }));
    return new SqliteCatalog(db, options.clock, options.outlast);
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
