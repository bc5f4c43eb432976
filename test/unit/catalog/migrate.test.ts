import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
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
  await catalog.syncPolicies([]);
  raiseSchema(place.path);
  await expect(catalog.syncPolicies([])).rejects.toMatchObject({ code: 'newer-schema' });
});

function raiseSchema(path: string): void {
  using db = new DatabaseSync(path);
  db.exec(`pragma user_version = ${newer}`);
}
