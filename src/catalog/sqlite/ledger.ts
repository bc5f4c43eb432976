import type { PolicyRow } from '../policies.ts';
import type { Stretch } from './copy-pace.ts';
import type { Database } from './database.ts';
import type { Names } from './names.ts';

/** What every verb works with. */
export interface Ledger {
  readonly db: Database;
  readonly names: Names;
  /** The policies as this process was told them last, by name; see `view.ts`. */
  readonly told: Map<string, PolicyRow>;
  /** Where claims below a prefix have got to, see `due-below.ts`. */
  readonly cursors: Map<string, Uint8Array>;
  /** Objects whose copies changed, see `tally.ts`. */
  readonly untallied: Set<number>;
  /** By policy id, the stretch of copying that is under way, see `copy-pace.ts`. */
  readonly stretches: Map<number, Stretch>;
  /** Milliseconds since the epoch. */
  now(): number;
}
