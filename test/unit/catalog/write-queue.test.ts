import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { CatalogError } from '../../../src/catalog/errors.ts';
import { Database } from '../../../src/catalog/sqlite/database.ts';
import { migrate } from '../../../src/catalog/sqlite/migrate.ts';
import { WriteQueue } from '../../../src/catalog/sqlite/write-queue.ts';
import { temporaryCatalog } from './temporary-catalog.ts';

const insert = 'insert into targets (name) values (?)';

test('writes asked for in one tick share a transaction and resolve after its commit', async () => {
  await using place = await temporaryCatalog();
  using db = openDatabase(place.path);
  using other = new DatabaseSync(place.path);
  const queue = new WriteQueue(db, () => undefined);
  const seen = (): number => other.prepare('select name from targets').all().length;
  let during = -1;
  const writes = [
    queue.run(1, () => db.run(insert, 'a')),
    queue.run(1, () => void (during = seen())),
    queue.run(1, () => db.run(insert, 'b')),
  ];
  await writes[0];
  expect([during, seen()]).toEqual([0, 2]);
  await Promise.all(writes);
});

test('of a group only the guilty write is rejected, and none of it is kept', async () => {
  await using place = await temporaryCatalog();
  using db = openDatabase(place.path);
  let rollbacks = 0;
  const queue = new WriteQueue(db, () => void (rollbacks += 1));
  const results = await Promise.allSettled([
    queue.run(1, () => db.run(insert, 'a')),
    queue.run(1, () => {
      db.run(insert, 'b');
      throw new Error('a mistake');
    }),
    queue.run(1, () => db.run(insert, 'c')),
  ]);
  expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(db.all('select name from targets order by name')).toEqual([{ name: 'a' }, { name: 'c' }]);
  expect(rollbacks).toBe(2);
});

test('a full disk rejects the whole group and keeps nothing of it', async () => {
  await using place = await temporaryCatalog();
  using db = openDatabase(place.path);
  const queue = new WriteQueue(db, () => undefined);
  db.exec(`pragma max_page_count = ${pages(db)}`);
  const long = 'x'.repeat(5_000_000);
  const results = await Promise.allSettled([
    queue.run(1, () => db.run(insert, 'a')),
    queue.run(1, () => db.run(insert, long)),
  ]);
  for (const result of results) {
    expect(result).toMatchObject({ status: 'rejected', reason: { name: 'CatalogError', code: 'full' } });
  }
  expect(db.all('select name from targets')).toEqual([]);
  await queue.run(1, () => db.run(insert, 'b'));
  expect(db.all('select name from targets')).toEqual([{ name: 'b' }]);
});

test('a write that was refused as a whole is a CatalogError that names the file', async () => {
  await using place = await temporaryCatalog();
  const db = openDatabase(place.path);
  const queue = new WriteQueue(db, () => undefined);
  db[Symbol.dispose]();
  const error: unknown = await queue.run(1, () => 0).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CatalogError);
  expect(String(error)).toContain(place.path);
});

function openDatabase(path: string): Database {
  const db = new Database(path);
  db.exec('pragma journal_mode = wal');
  migrate(db, 0);
  return db;
}

function pages(db: Database): number {
  return db.get<{ readonly page_count: number }>('pragma page_count')?.page_count ?? 0;
}
