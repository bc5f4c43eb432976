import { errorMessage } from '../../objects/errors.ts';
import { CatalogError } from '../errors.ts';
import type { CatalogErrorCode } from '../errors.ts';

/** Seconds a statement waits for a lock that another process holds. */
export const busySeconds = 30;

/** SQLite's primary result codes (https://sqlite.org/rescode.html), those that the world outside the program causes. */
const codes: Readonly<Record<number, CatalogErrorCode>> = {
  3: 'unavailable', // SQLITE_PERM
  5: 'busy', // SQLITE_BUSY
  6: 'busy', // SQLITE_LOCKED
  8: 'unavailable', // SQLITE_READONLY
  10: 'unavailable', // SQLITE_IOERR
  11: 'corrupt', // SQLITE_CORRUPT
  13: 'full', // SQLITE_FULL
  14: 'unavailable', // SQLITE_CANTOPEN
  15: 'busy', // SQLITE_PROTOCOL: lost the race for a lock again and again
  26: 'corrupt', // SQLITE_NOTADB
};

/** An error of node:sqlite as a CatalogError about the file at `path`; any other error as it is. */
export function translateError(error: unknown, path: string): unknown {
  const code = codes[primaryCode(error)];
  if (code === undefined) return error;
  return new CatalogError(code, `Catalog ${path}: ${errorMessage(error)}. ${advice(code, path)}`, error);
}

function primaryCode(error: unknown): number {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return 0;
  // The low byte is the primary code, the rest says more of it.
  return error.errcode & 0xff;
}

function advice(code: CatalogErrorCode, path: string): string {
  if (code === 'busy') {
    return `Another process kept it locked for ${busySeconds} s; find it (fuser ${path}), stop it, and run this again.`;
  }
  if (code === 'full') return 'Make room on its disk and run this again; nothing that was recorded is lost.';
  if (code === 'corrupt') return rebuildAdvice;
  return 'Check that its directory exists on a working disk and that this user may read and write the file and its directory.';
}

const rebuildAdvice =
  'It is not used. Run `holdfast rebuild-catalog`: it moves the file aside and makes the catalog anew from what the providers hold; ' +
  'nothing that is already in place is copied.';
