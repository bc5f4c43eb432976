import { CatalogError } from '../../../src/catalog/errors.ts';
import { Database } from '../../../src/catalog/sqlite/database.ts';
import { migrate } from '../../../src/catalog/sqlite/migrate.ts';

export type DatabaseFault =
  | { readonly kind: 'full' | 'busy' }
  /** The process dies in the transaction: before it is committed, or right after. */
  | { readonly kind: 'crash-before-commit' | 'crash-after-commit' };

/** Thrown into what is dead already; nobody hears it. */
class Crash extends Error {}

/**
 * The real catalog's database, in memory, where it outlives the processes that die on it. What the statements do, and
 * what a transaction is, is SQLite's; this only lets it fail, and tells when something was committed.
 */
export class SimulatedDatabase extends Database {
  onCommit: () => void = () => undefined;
  onFault: (kind: string) => void = () => undefined;
  /** The process that is at it dies now. */
  kill: () => void = () => undefined;
  readonly #armed: DatabaseFault[] = [];
  /** Whether objects, copies or policies may have changed since this was last looked at. */
  dirty = false;

  constructor() {
    super(':memory:');
    this.exec('pragma synchronous = off');
    migrate(this, 0);
  }

  /** A new catalog. */
  clear(): void {
    // Whatever refers to whatever: all of it goes.
    this.exec('pragma foreign_keys = off');
    for (const { name } of this.all<{ readonly name: string }>(tablesSql)) this.exec(`delete from "${name}"`);
    this.exec('pragma foreign_keys = on');
    this.heal();
    this.dirty = true;
  }

  /** The next `times` transactions meet it. */
  arm(fault: DatabaseFault, times = 1): void {
    for (let n = 0; n < times; n += 1) this.#armed.push(fault);
  }

  heal(): void {
    this.#armed.length = 0;
  }

  override run(sql: string, ...values: Parameters<Database['run']>[1][]): number {
    const changed = super.run(sql, ...values);
    if (changed > 0 && touchesWork.test(sql)) this.dirty = true;
    return changed;
  }

  override transaction<T>(work: () => T): T {
    const fault = this.#armed.shift();
    if (fault === undefined) return this.#committed(super.transaction(work));
    this.onFault(`catalog: ${fault.kind}`);
    if (fault.kind === 'crash-after-commit') {
      super.transaction(work);
      this.onCommit();
      this.kill();
      throw new Crash('the process died');
    }
    if (fault.kind === 'busy') throw new CatalogError('busy', 'the catalog is locked');
    return super.transaction(() => {
      work();
      if (fault.kind === 'full') throw new CatalogError('full', 'the disk is full');
      this.kill();
      throw new Crash('the process died');
    });
  }

  /** It belongs to the world, not to the process that closes it. */
  override [Symbol.dispose](): void {}

  end(): void {
    super[Symbol.dispose]();
  }

  #committed<T>(result: T): T {
    this.onCommit();
    return result;
  }
}

/** What changes an object or a copy in more than its lease. */
const touchesWork = /\b(copies|objects)\b(?! set lease_)/;

const tablesSql = `select name from sqlite_schema where type = 'table' and name <> 'migrations' order by name`;
