import { backup, DatabaseSync } from 'node:sqlite';
import type { SnapshotState, StoredSnapshot } from '../snapshots.ts';
import type { Ledger } from './ledger.ts';
import { translateError } from './translate-error.ts';

/** Pages that are copied in one go, on a thread of their own: a MiB. */
const pagesAtOnce = 256;

/** Below what SQLite takes for one value, in bytes. */
const largestBlob = 500_000_000;

export function identity({ db }: Ledger): string {
  const row = db.get<{ readonly id: string }>('select id from identity');
  if (row === undefined) throw new Error(`The catalog ${db.path} has no identity.`);
  return row.id;
}

/**
 * What goes on with an upload may be a credential: GCS lets whoever knows a session's address write. So it is taken out,
 * with what was deleted of it earlier and still stands in free pages.
 */
function withoutUploads(path: string): void {
  // With foreign keys it would go row by row, which leaves the bytes of some in the page that stays the table's.
  using db = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  db.exec('pragma secure_delete = on; begin; delete from uploads; create table blank (zeros blob)');
  db.exec(
    `insert into blank select zeroblob(min(freelist_count * page_size, ${largestBlob})) from pragma_freelist_count, pragma_page_size`,
  );
  db.exec('drop table blank; commit');
}

/**
 * On a connection with a read transaction of its own: in WAL mode that sees one moment whatever is written meanwhile,
 * so that SQLite does not begin anew with every commit, as it does where the connection reads anew for each step.
 */
export async function copyTo({ db }: Ledger, path: string): Promise<void> {
  let reader: DatabaseSync | undefined;
  try {
    reader = new DatabaseSync(db.path, { readOnly: true });
    reader.exec('begin');
    reader.prepare('select count(*) from identity').get();
    await backup(reader, path, { rate: pagesAtOnce });
    withoutUploads(path);
  } catch (error) {
    throw translateError(error, db.path);
  } finally {
    reader?.close();
  }
}

const noteStored = `insert into snapshots (target, taken_at, key, size) values (?, ?, ?, ?)
  on conflict (target) do update set taken_at = excluded.taken_at, key = excluded.key, size = excluded.size,
  error = null, error_at = null`;

const noteError = `insert into snapshots (target, error, error_at) values (?, ?, ?)
  on conflict (target) do update set error = excluded.error, error_at = excluded.error_at`;

export function noteSnapshot(
  ledger: Ledger,
  target: string,
  news: { readonly stored: StoredSnapshot } | { readonly error: string },
): void {
  if ('error' in news) ledger.db.run(noteError, target, news.error, ledger.now());
  else ledger.db.run(noteStored, target, news.stored.takenAt, news.stored.key, news.stored.size);
}

interface Row {
  readonly target: string;
  readonly taken_at: number | null;
  readonly key: string | null;
  readonly size: number | null;
  readonly error: string | null;
  readonly error_at: number | null;
}

export function readSnapshots({ db }: Ledger): readonly SnapshotState[] {
  return db.all<Row>('select * from snapshots order by target').map((row) => ({
    target: row.target,
    stored: storedOf(row),
    error: row.error === null ? null : { message: row.error, at: row.error_at ?? 0 },
  }));
}

function storedOf({ taken_at: takenAt, key, size }: Row): StoredSnapshot | null {
  return takenAt === null || key === null || size === null ? null : { takenAt, key, size };
}
