import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { CatalogError } from '../errors.ts';
import { busySeconds, translateError } from './translate-error.ts';

/**
 * One connection to the file. Every statement is prepared once. Errors leave as `CatalogError` where the world
 * outside caused them.
 *
 * The plans of the statements do not rest on statistics (nothing runs ANALYZE): they are the same on every
 * machine, and `test/unit/catalog/query-plans.test.ts` fixes them. A limit that is a parameter is written `limit ? + 0`:
 * SQLite looks at a bare one for its plan and therefore prepares the statement anew every time (24 µs instead of 3).
 */
export class Database implements Disposable {
  readonly path: string;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #tupleStatements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.path = path;
    try {
      this.#connection = new DatabaseSync(path, { timeout: busySeconds * 1000, enableForeignKeyConstraints: true });
    } catch (error) {
      throw translateError(error, path);
    }
  }

  /** `Row` is what the SQL selects; nothing checks that it is. */
  all<Row>(sql: string, ...values: SQLInputValue[]): readonly Row[] {
    return this.#guarded(() => this.#statement(sql).all(...values) as unknown as readonly Row[]);
  }

  /** The same, each row an array: faster to build. */
  tuples<Tuple>(sql: string, ...values: SQLInputValue[]): readonly Tuple[] {
    return this.#guarded(() => this.#tupleStatement(sql).all(...values) as unknown as readonly Tuple[]);
  }

  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guarded(() => this.#statement(sql).get(...values) as unknown as Row | undefined);
  }

  /** @returns how many rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guarded(() => Number(this.#statement(sql).run(...values).changes));
  }

  /** Several statements, or one that cannot be prepared. */
  exec(sql: string): void {
    this.#guarded(() => this.#connection.exec(sql));
  }

  /** Runs `work` in a transaction that has the write lock from its start, so that it never has to be given up half-way. */
  transaction<T>(work: () => T): T {
    this.exec('begin immediate');
    try {
      const result = work();
      this.exec('commit');
      return result;
    } catch (error) {
      // Some errors (a full disk, say) have rolled it back already.
      if (this.#connection.isTransaction) this.exec('rollback');
      throw error;
    }
  }

  /** Runs reads that must agree with each other. */
  snapshot<T>(read: () => T): T {
    this.exec('begin');
    try {
      return read();
    } finally {
      if (this.#connection.isTransaction) this.exec('rollback');
    }
  }

  [Symbol.dispose](): void {
    if (this.#connection.isOpen) this.#connection.close();
  }

  #statement(sql: string): StatementSync {
    return this.#prepare(this.#statements, sql, false);
  }

  #tupleStatement(sql: string): StatementSync {
    return this.#prepare(this.#tupleStatements, sql, true);
  }

  #prepare(prepared: Map<string, StatementSync>, sql: string, returnArrays: boolean): StatementSync {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#connection.prepare(sql, { returnArrays });
    prepared.set(sql, statement);
    return statement;
  }

  #guarded<T>(call: () => T): T {
    if (!this.#connection.isOpen) throw new CatalogError('closed', `Catalog ${this.path}: it is closed.`);
    try {
      return call();
    } catch (error) {
      throw translateError(error, this.path);
    }
  }
}
