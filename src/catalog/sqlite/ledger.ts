import type { Database } from './database.ts';
import type { Names } from './names.ts';

/** What every verb works with. */
export interface Ledger {
  readonly db: Database;
  readonly names: Names;
  /** Where claims below a prefix have got to, see `due-below.ts`. */
  readonly cursors: Map<string, Uint8Array>;
  /** Milliseconds since the epoch. */
  now(): number;
}
