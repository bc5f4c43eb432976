import { stat } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { CatalogError } from '../errors.ts';
import { Database } from './database.ts';
import { assertCatalog } from './migrate.ts';
import { translateError } from './translate-error.ts';

/** What stands where a catalog is to be: `empty` is a sound one that knows no object. */
export type FileState = 'absent' | 'corrupt' | 'empty' | 'sound';

/** @throws CatalogError when that cannot be told, and `newer-schema`. */
export async function catalogFileState(path: string): Promise<FileState> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 'absent';
  try {
    if (found.size === 0) return 'empty';
    requireSound(path);
    using db = new Database(path);
    if (!assertCatalog(db)) return 'empty';
    return db.get('select 1 as one from objects limit 1') === undefined ? 'empty' : 'sound';
  } catch (error) {
    if (error instanceof CatalogError && error.code === 'corrupt') return 'corrupt';
    throw error;
  }
}

/** Every page is read. */
function requireSound(path: string): void {
  try {
    using db = new DatabaseSync(path);
    const answer = db.prepare('pragma quick_check(1)').get();
    if (answer?.['quick_check'] === 'ok') return;
  } catch (error) {
    throw translateError(error, path);
  }
  throw new CatalogError('corrupt', `Catalog ${path}: SQLite finds it damaged.`);
}
