import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { sql as firstSchema } from '../../../src/catalog/sqlite/migrations/0001.ts';
import { newestSchema } from '../../../src/catalog/sqlite/migrate.ts';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/open.ts';
import { systemClock } from '../../../src/objects/clock.ts';
import { temporaryCatalog } from './temporary-catalog.ts';

const newer = newestSchema + 3;

test('a newer schema is refused, with both numbers and advice', async () => {
  await using place = await temporaryCatalog();
  await (await openSqliteCatalog({ path: place.path, clock: systemClock }))[Symbol.asyncDispose]();
  raiseSchema(place.path);
  const opening = openSqliteCatalog({ path: place.path, clock: systemClock });
  await expect(opening).rejects.toMatchObject({ name: 'CatalogError', code: 'newer-schema' });
  await expect(openSqliteCatalog({ path: place.path, clock: systemClock })).rejects.toThrow(
    new RegExp(`schema ${newer};.* up to ${newestSchema}\\..*newer Holdfast`),
  );
});

test('a program that runs writes nothing more once a newer one has migrated the file', async () => {
  await using place = await temporaryCatalog();
  await using catalog = await openSqliteCatalog({ path: place.path, clock: systemClock });
  await catalog.syncPolicies([], { forget: true });
  raiseSchema(place.path);
  await expect(catalog.syncPolicies([], { forget: true })).rejects.toMatchObject({ code: 'newer-schema' });
});

function raiseSchema(path: string): void {
  using db = new DatabaseSync(path);
  db.exec(`pragma user_version = ${newer}`);
}

test('a catalog of the first schema goes on with all it knew', async () => {
  await using place = await temporaryCatalog();
  {
    using db = new DatabaseSync(place.path);
    db.exec(`pragma application_id = ${0x486f6c64}; ${firstSchema}; pragma user_version = 1;
      create table migrations (number integer primary key, applied_at real not null) strict;
      insert into migrations values (1, 0);
      insert into policies (id, name, source, min_copies, configured) values (1, 'p', 's', 1, 1);
      insert into targets (id, name) values (1, 't'); insert into policy_targets values (1, 1);
      insert into objects (id, policy_id, key, size, version, modified_at, updated_at) values (1, 1, x'61', 1, 'v', 1, 1);
      insert into copies (object_id, target_id, policy_id, state, version, evidence_method, evidence_sha256, evidence_by,
        evidence_at, updated_at) values (1, 1, 1, 'verified', 'c', 'read', zeroblob(32), 'sha256', 1, 1);
      insert into history (object_id, target_id, at, event, detail) values (1, 1, 1, 'copied', 'read by sha256')`);
  }
  await using catalog = await openSqliteCatalog({ path: place.path, clock: systemClock });
  expect(await catalog.inspect('p', 'a')).toMatchObject({
    object: { copies: [{ state: 'verified', version: 'c' }] },
    history: [{ event: 'copied', target: 't' }],
  });
  expect(await catalog.counts('p')).toMatchObject({ objects: 1, bytes: 1, safe: 1, copies: { verified: 1 } });
  expect(await catalog.lossOf('p', ['s', 't'])).toMatchObject({ objects: 1, newestAt: 1 });
});
