import { DatabaseSync } from 'node:sqlite';
import { UsageError } from '../../objects/errors.ts';
import { CatalogError } from '../errors.ts';
import { translateError } from './translate-error.ts';

/**
 * Makes sure that no other process has the file open, and folds what stands in its log into it, so that it can be moved
 * as one file. Leaving WAL mode is what SQLite lets nobody do who is not alone; opening it again goes back there.
 * @throws UsageError when somebody else has it open; CatalogError when it is no sound database.
 */
export function requireSoleUse(path: string): void {
  try {
    using db = new DatabaseSync(path, { timeout: 1000 });
    db.exec('pragma journal_mode = delete');
  } catch (error) {
    const translated = translateError(error, path);
    if (!(translated instanceof CatalogError) || translated.code !== 'busy') throw translated;
    throw new UsageError(`Catalog ${path} is in use by another process (a daemon?). Stop it and run this again.`);
  }
}
