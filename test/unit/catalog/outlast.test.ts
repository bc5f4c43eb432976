import { DatabaseSync } from 'node:sqlite';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import { CatalogError } from '../../../src/catalog/errors.ts';
import { Outlasting } from '../../../src/catalog/outlast.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/open.ts';
import { TestClock } from '../../support/test-clock.ts';

function failing(code: CatalogError['code'], times: number): () => Promise<string> {
  let left = times;
  return async () => {
    left -= 1;
    if (left >= 0) throw new CatalogError(code, `it is ${code}`);
    return 'written';
  };
}

test('a write waits until there is room, and says so once', async () => {
  const told: (string | undefined)[] = [];
  const calm = new AbortController().signal;
  const outlasting = new Outlasting(new TestClock(), calm, (trouble) => told.push(trouble?.code));
  await expect(outlasting.around(failing('full', 3))).resolves.toBe('written');
  await expect(outlasting.around(failing('unavailable', 1))).resolves.toBe('written');
  expect(told).toEqual(['full', undefined, 'unavailable', undefined]);
  expect(outlasting.trouble).toBe(undefined);
});

test('all is well again once nothing waits, although small writes find room before', async () => {
  const told: (string | undefined)[] = [];
  const outlasting = new Outlasting(systemClock, new AbortController().signal, (trouble) => told.push(trouble?.code));
  const room = Promise.withResolvers<void>();
  let tries = 0;
  const large = outlasting.around(async () => {
    tries += 1;
    if (tries > 1) await room.promise;
    else throw new CatalogError('full', 'it is full');
  });
  await vi.waitFor(() => expect(tries).toBe(1));
  await outlasting.around(async () => undefined);
  await outlasting.around(failing('full', 1));
  expect([told, outlasting.trouble?.code]).toEqual([['full'], 'full']);
  room.resolve();
  await large;
  expect([told, outlasting.trouble]).toEqual([['full', undefined], undefined]);
});

test('what no time mends is thrown, and what was given up', async () => {
  const giveUp = new AbortController();
  const outlasting = new Outlasting(new TestClock(), giveUp.signal, () => undefined);
  await expect(outlasting.around(failing('corrupt', 1))).rejects.toMatchObject({ code: 'corrupt' });
  await expect(outlasting.around(async () => await Promise.reject(new Error('a mistake')))).rejects.toThrow(
    'a mistake',
  );
  const waiting = outlasting.around(failing('full', Infinity));
  giveUp.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'full' });
});

test('a catalog whose disk is full records what waits as soon as there is room', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-full-'));
  const path = join(directory, 'catalog.db');
  const clock = new TestClock();
  let [full, again] = [0, 0];
  const outlasting = new Outlasting(clock, new AbortController().signal, (trouble) =>
    trouble === undefined ? (again += 1) : (full += 1),
  );
  try {
    await using catalog = await openSqliteCatalog({ path, clock, outlast: outlasting.around });
    await catalog.syncPolicies([{ name: 'p', source: 's', targets: ['t'], minCopies: 1 }], { forget: true });
    // SQLite says so when a commit finds no room.
    const before = DatabaseSync.prototype.exec;
    let room = false;
    DatabaseSync.prototype.exec = function (sql: string) {
      if (!room && sql === 'commit') throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
      return before.call(this, sql);
    };
    try {
      const writing = catalog.record('p', [
        { kind: 'new', key: 'k', object: { version: 'v', size: 1, modifiedAt: 1 }, found: {} },
      ]);
      await vi.waitFor(() => expect(outlasting.trouble?.code).toBe('full'));
      expect((await catalog.counts('p')).objects).toBe(0);
      room = true;
      await writing;
    } finally {
      DatabaseSync.prototype.exec = before;
    }
    expect((await catalog.counts('p')).objects).toBe(1);
    expect([full, again]).toEqual([1, 1]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('nobody waits for a catalog that this process has closed: it could not end', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-catalog-'));
  const outlasting = new Outlasting(new TestClock(), new AbortController().signal, () => undefined);
  const path = join(directory, 'catalog.db');
  const catalog = await openSqliteCatalog({ path, clock: systemClock, outlast: outlasting.around });
  await catalog[Symbol.asyncDispose]();
  await expect(catalog.noteScrubbed('p', 1)).rejects.toMatchObject({ code: 'closed' });
  await rm(directory, { recursive: true });
});
