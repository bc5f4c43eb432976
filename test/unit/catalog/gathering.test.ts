import { setImmediate as tick } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Database } from '../../../src/catalog/sqlite/database.ts';
import { migrate } from '../../../src/catalog/sqlite/migrate.ts';
import { SqliteCatalog } from '../../../src/catalog/sqlite/sqlite-catalog.ts';
import { WriteQueue } from '../../../src/catalog/sqlite/write-queue.ts';
import { ManualClock } from '../../contract/catalog/manual-clock.ts';
import { temporaryCatalog } from './temporary-catalog.ts';

const insert = 'insert into targets (name) values (?)';

/** Time passes only when a test says so; ticks of the event loop do not make it pass. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

test('settlements made in many ticks share one commit', async () => {
  await using place = await temporaryCatalog();
  using db = openDatabase(place.path);
  await using catalog = new SqliteCatalog(db, new ManualClock());
  await hurried(catalog.syncPolicies([{ name: 'p', source: 's', targets: ['t'], minCopies: 1 }], { forget: true }));
  const object = { version: 'v', size: 1, modifiedAt: 1 };
  const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
  await hurried(
    catalog.record(
      'p',
      keys.map((key) => ({ kind: 'new', key, object, found: {} })),
    ),
  );
  const request = { owner: 'me', policies: ['p'], targets: ['t'], limit: 40, leaseMs: 1000 };
  const claims = await hurried(catalog.claim(request));
  const commits = countCommits(db);
  const settled: Promise<readonly boolean[]>[] = [];
  for (const { objectId, token } of claims) {
    settled.push(catalog.settle([{ objectId, token, version: 'v', copies: [], last: true }]));
    await tick();
  }
  expect(commits()).toBe(0);
  vi.advanceTimersByTime(8);
  expect((await Promise.all(settled)).flat()).toEqual(claims.map(() => true));
  expect(claims).toHaveLength(40);
  expect(commits()).toBe(1);
});

test('a write waits no longer than the first it waits with, and alone no longer than that', async () => {
  await using place = await temporaryCatalog();
  using db = openDatabase(place.path);
  const queue = new WriteQueue(db, () => undefined);
  const first = queue.run(1, () => db.run(insert, 'a'));
  vi.advanceTimersByTime(7);
  const second = queue.run(1, () => db.run(insert, 'b'));
  vi.advanceTimersByTime(1);
  await Promise.all([first, second]);
  expect(names(db)).toEqual(['a', 'b']);
  expect(vi.getTimerCount()).toBe(0);
});

test('enough work does not wait, and work that keeps coming does not put it off', async () => {
  await using place = await temporaryCatalog();
  using db = openDatabase(place.path);
  const commits = countCommits(db);
  const queue = new WriteQueue(db, () => undefined);
  const writes = [queue.run(1, () => db.run(insert, 'first'))];
  for (let index = 0; commits() === 0; index++) {
    expect(index).toBeLessThan(100);
    writes.push(queue.run(64, () => db.run(insert, `${index}`)));
    await tick();
  }
  vi.advanceTimersByTime(8);
  await Promise.all(writes);
  expect(names(db)).toHaveLength(writes.length);
});

test('more than one transaction holds is committed in the order it came, without another wait', async () => {
  await using place = await temporaryCatalog();
  using db = openDatabase(place.path);
  const commits = countCommits(db);
  const queue = new WriteQueue(db, () => undefined);
  const order = Array.from({ length: 13 }, (_, index) => String(index));
  const weights = order.map((_, index) => (index === 12 ? 1 : 100));
  await Promise.all(order.map((name, index) => queue.run(weights[index] ?? 0, () => db.run(insert, name))));
  expect(names(db)).toEqual(order);
  expect(commits()).toBe(5);
});

test('drain commits what waits and leaves nothing to come', async () => {
  await using place = await temporaryCatalog();
  using db = openDatabase(place.path);
  const queue = new WriteQueue(db, () => undefined);
  const writes = [queue.run(1, () => db.run(insert, 'a')), queue.run(300, () => db.run(insert, 'b'))];
  queue.drain();
  expect(names(db)).toEqual(['a', 'b']);
  expect(vi.getTimerCount()).toBe(0);
  await Promise.all(writes);
  const commits = countCommits(db);
  await tick();
  expect(commits()).toBe(0);
});

test('closing the catalog commits what waits; what comes later is refused', async () => {
  await using place = await temporaryCatalog();
  const catalog = new SqliteCatalog(openDatabase(place.path), new ManualClock());
  const synced = catalog.syncPolicies([{ name: 'p', source: 's', targets: ['t'], minCopies: 1 }], { forget: true });
  await catalog[Symbol.asyncDispose]();
  await synced;
  const late = hurried(catalog.settle([]));
  await expect(late).rejects.toMatchObject({ name: 'CatalogError', code: 'closed' });
  using db = new Database(place.path);
  expect(db.all('select name from policies')).toEqual([{ name: 'p' }]);
});

/** Lets the time pass that a write waits for company. */
async function hurried<T>(write: Promise<T>): Promise<T> {
  vi.advanceTimersByTime(8);
  return await write;
}

function openDatabase(path: string): Database {
  const db = new Database(path);
  db.exec('pragma journal_mode = wal');
  migrate(db, 0);
  return db;
}

function names(db: Database): readonly string[] {
  return db.all<{ readonly name: string }>('select name from targets order by id').map((row) => row.name);
}

function countCommits(db: Database): () => number {
  const spy = vi.spyOn(db, 'exec');
  return () => spy.mock.calls.filter(([sql]) => sql === 'commit').length;
}
