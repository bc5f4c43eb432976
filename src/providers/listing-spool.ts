import type { StatementSync } from 'node:sqlite';
import { DatabaseSync } from 'node:sqlite';
import type { Checksums } from '../objects/checksum.ts';
import { ProviderError, errorMessage } from '../objects/errors.ts';
import { keyFromBytes, keyToBytes } from '../objects/key.ts';
import type { ObjectInfo } from '../objects/object.ts';

const pageSize = 1_000;

/**
 * Sorts a listing of any length at constant memory. The empty file name gives a temporary database of SQLite's own,
 * in `SQLITE_TMPDIR`, `TMPDIR` or /var/tmp, unlinked as soon as it is opened, so that even a killed process leaves
 * no file behind (https://sqlite.org/inmemorydb.html#temp_db).
 */
export class ListingSpool implements Disposable {
  readonly #provider: string;
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;

  constructor(provider: string) {
    this.#provider = provider;
    this.#database = new DatabaseSync('');
    // Nothing of it outlives the process, so the journal need not survive a crash (node:sqlite does not allow `off`).
    this.#database.exec(`
      pragma journal_mode = memory;
      pragma synchronous = off;
      pragma cache_size = -8192;
      create table entries (
        key blob primary key, size integer not null, version text not null, modified_at real not null, checksums text
      ) without rowid`);
    this.#insert = this.#database.prepare(
      'insert into entries values (?1, ?2, ?3, ?4, ?5) on conflict (key) do nothing',
    );
  }

  /** @throws ProviderError `invalid` when a key was listed before. */
  add(entries: readonly ObjectInfo[]): void {
    this.#spooling(() => {
      this.#database.exec('begin');
      for (const entry of entries) this.#addOne(entry);
      this.#database.exec('commit');
    });
  }

  /** All that was added, in byte order. */
  *pages(): Generator<readonly ObjectInfo[]> {
    const sql = `select * from entries where key > ?1 order by key limit ${pageSize}`;
    // Arrays: node:sqlite builds objects slowly.
    const select = this.#database.prepare(sql, { returnArrays: true });
    let after: Uint8Array = Buffer.of();
    for (;;) {
      const rows = this.#spooling(() => select.all(after) as unknown as readonly Row[]);
      const last = rows.at(-1);
      if (last === undefined) return;
      [after] = last;
      yield rows.map(fromRow);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #addOne({ key, size, version, modifiedAt, checksums }: ObjectInfo): void {
    const sums = checksums === undefined ? null : JSON.stringify(checksums);
    const { changes } = this.#insert.run(keyToBytes(key), size, version, modifiedAt, sums);
    if (changes === 1) return;
    const message = `"${this.#provider}" listed ${JSON.stringify(key)} twice. The listing was abandoned.`;
    throw new ProviderError('invalid', message, { provider: this.#provider, key });
  }

  #spooling<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof ProviderError) throw error;
      const message =
        `The listing of "${this.#provider}" could not be sorted in a temporary file: ${errorMessage(error)}. ` +
        'Make room, or name a directory with room in SQLITE_TMPDIR.';
      throw new ProviderError('unavailable', message, { provider: this.#provider, cause: error });
    }
  }
}

type Row = readonly [key: Uint8Array, size: number, version: string, modifiedAt: number, checksums: string | null];

function fromRow([key, size, version, modifiedAt, checksums]: Row): ObjectInfo {
  const info = { key: keyFromBytes(key), size, version, modifiedAt };
  return checksums === null ? info : { ...info, checksums: JSON.parse(checksums) as Checksums };
}
