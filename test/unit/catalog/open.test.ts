import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { CatalogError } from '../../../src/catalog/errors.ts';
import type { CatalogErrorCode } from '../../../src/catalog/errors.ts';
import { configure } from '../../../src/catalog/sqlite/configure.ts';
import { Database } from '../../../src/catalog/sqlite/database.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/open.ts';
import { systemClock } from '../../../src/objects/clock.ts';
import { temporaryCatalog } from './temporary-catalog.ts';

const policies = [{ name: 'p', source: 's', targets: ['t'], minCopies: 1 }];

test('the directory and the file are created, for this user alone', async () => {
  await using place = await temporaryCatalog();
  const path = join(place.directory, 'a', 'b', 'catalog.db');
  await using catalog = await openSqliteCatalog({ path, clock: systemClock });
  await catalog.syncPolicies(policies, { forget: true });
  for (const file of [path, `${path}-wal`]) expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a commit is durable before it returns, and others wait for a lock', async () => {
  await using place = await temporaryCatalog();
  using db = new Database(place.path);
  await configure(db);
  expect(db.get('pragma journal_mode')).toEqual({ journal_mode: 'wal' });
  expect(db.get('pragma synchronous')).toEqual({ synchronous: 2 });
  expect(db.get('pragma foreign_keys')).toEqual({ foreign_keys: 1 });
  expect(db.get('pragma mmap_size')).toEqual({ mmap_size: 0 });
  expect(db.get<{ readonly timeout: number }>('pragma busy_timeout')?.timeout).toBeGreaterThanOrEqual(10_000);
});

test('what is no database is refused, left as it is, and the advice says how to go on', async () => {
  await using place = await temporaryCatalog();
  const content = 'not a database '.repeat(1000);
  await writeFile(place.path, content);
  const error = await refusal(place.path);
  expect(error.code).toBe('corrupt');
  expect(error.message).toContain(place.path);
  expect(error.message).toMatch(/holdfast rebuild-catalog/);
  expect(await readFile(place.path, 'utf8')).toBe(content);
});

test('a damaged page is reported as such when it is met', async () => {
  await using place = await temporaryCatalog();
  await fillAndClose(place.path);
  const bytes = await readFile(place.path);
  await writeFile(place.path, Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.length - 4096, 0x5a)]));
  await expectCode('corrupt', async () => {
    await using catalog = await openSqliteCatalog({ path: place.path, clock: systemClock });
    await catalog.counts('p');
  });
});

test('a file that lost its end is reported as corrupt', async () => {
  await using place = await temporaryCatalog();
  await fillAndClose(place.path);
  const bytes = await readFile(place.path);
  await writeFile(place.path, bytes.subarray(0, 8192));
  await expectCode('corrupt', async () => {
    await using catalog = await openSqliteCatalog({ path: place.path, clock: systemClock });
    await catalog.syncPolicies(policies, { forget: true });
  });
});

test('the database of another program is refused and not changed', async () => {
  await using place = await temporaryCatalog();
  {
    using db = new DatabaseSync(place.path);
    db.exec('create table songs (name text); pragma user_version = 7');
  }
  const error = await refusal(place.path);
  expect(error).toMatchObject({ code: 'corrupt', message: expect.stringMatching(/some other program/) as string });
  using db = new DatabaseSync(place.path);
  expect(db.prepare('select name from sqlite_schema').all()).toEqual([{ name: 'songs' }]);
});

test('a path that cannot be a file is unavailable', async () => {
  await using place = await temporaryCatalog();
  await mkdir(place.path);
  expect(await refusal(place.path)).toMatchObject({ code: 'unavailable' });
  await writeFile(join(place.directory, 'file'), '');
  expect(await refusal(join(place.directory, 'file', 'catalog.db'))).toMatchObject({ code: 'unavailable' });
});

test('a closed catalog says so', async () => {
  await using place = await temporaryCatalog();
  const catalog = await openSqliteCatalog({ path: place.path, clock: systemClock });
  await catalog.syncPolicies(policies, { forget: true });
  await catalog[Symbol.asyncDispose]();
  await catalog[Symbol.asyncDispose]();
  await expectCode('closed', () => catalog.counts('p'));
  await expectCode('closed', () => catalog.settle([]));
});

test('closing commits what was asked for before', async () => {
  await using place = await temporaryCatalog();
  const catalog = await openSqliteCatalog({ path: place.path, clock: systemClock });
  const synced = catalog.syncPolicies(policies, { forget: true });
  await catalog[Symbol.asyncDispose]();
  await synced;
  await using again = await openSqliteCatalog({ path: place.path, clock: systemClock });
  expect(await again.readPolicy('p')).toMatchObject({ name: 'p' });
});

async function fillAndClose(path: string): Promise<void> {
  await using catalog = await openSqliteCatalog({ path, clock: systemClock });
  await catalog.syncPolicies(policies, { forget: true });
  const object = { version: 'v', size: 1, modifiedAt: 1 };
  const findings = Array.from({ length: 500 }, (_, index) => ({
    kind: 'new' as const,
    key: `k${index}`,
    object,
    found: {},
  }));
  await catalog.record('p', findings);
}

async function refusal(path: string): Promise<CatalogError> {
  const error: unknown = await openSqliteCatalog({ path, clock: systemClock }).catch((reason: unknown) => reason);
  if (!(error instanceof CatalogError)) throw new Error('a CatalogError was expected');
  return error;
}

async function expectCode(code: CatalogErrorCode, act: () => Promise<unknown>): Promise<void> {
  await expect(act()).rejects.toMatchObject({ name: 'CatalogError', code });
}
