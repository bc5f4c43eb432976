import { CatalogError } from '../errors.ts';
import type { Database } from './database.ts';
import { sql as first } from './migrations/0001.ts';
import { sql as second } from './migrations/0002.ts';
import { sql as third } from './migrations/0003.ts';
import { sql as fourth } from './migrations/0004.ts';
import { sql as fifth } from './migrations/0005.ts';
import { sql as sixth } from './migrations/0006.ts';
import { sql as seventh } from './migrations/0007.ts';
import { sql as eighth } from './migrations/0008.ts';
import { sql as ninth } from './migrations/0009.ts';
import { sql as tenth } from './migrations/0010.ts';
import { sql as eleventh } from './migrations/0011.ts';

/** Append only: what has been released is never edited. The number of a migration is its place here, from 1. */
const migrations: readonly string[] = [
  first,
  second,
  third,
  fourth,
  fifth,
  sixth,
  seventh,
  eighth,
  ninth,
  tenth,
  eleventh,
];

export const newestSchema = migrations.length;

/** "Hold" as SQLite's application id: tells a catalog from any other SQLite file. */
const applicationId = 0x486f6c64;

/**
 * Brings the file to the newest schema. Processes that start together are safe: each migration looks at the
 * version again once it has the write lock.
 * @throws CatalogError `newer-schema`; `corrupt` for another program's database.
 */
export function migrate(db: Database, now: number): void {
  assertSchema(db);
  for (let number = schemaOf(db) + 1; number <= newestSchema; number++) apply(db, number, now);
}

/** @throws CatalogError `newer-schema`, also when a newer program migrated the file while this one runs. */
export function assertSchema(db: Database): void {
  const found = schemaOf(db);
  if (found <= newestSchema) return;
  throw new CatalogError(
    'newer-schema',
    `Catalog ${db.path} has schema ${found}; this Holdfast knows schemas up to ${newestSchema}. ` +
      'A newer Holdfast has used it: run that one, or give this one another catalog.',
  );
}

/**
 * @returns false for a database that has nothing in it yet.
 * @throws CatalogError `newer-schema`; `corrupt` for another program's database.
 */
export function assertCatalog(db: Database): boolean {
  assertSchema(db);
  const tables = db.get<{ readonly n: number }>('select count(*) as n from sqlite_schema')?.n ?? 0;
  if (tables > 0) assertOurs(db);
  return tables > 0;
}

function apply(db: Database, number: number, now: number): void {
  db.transaction(() => {
    if (schemaOf(db) >= number) return;
    if (number === 1) claimFile(db);
    db.exec(migrations[number - 1] ?? '');
    db.run('insert into migrations (number, applied_at) values (?, ?)', number, now);
    db.exec(`pragma user_version = ${number}`);
  });
}

function claimFile(db: Database): void {
  const tables = db.get<{ readonly n: number }>('select count(*) as n from sqlite_schema')?.n;
  if (tables !== 0) {
    throw new CatalogError(
      'corrupt',
      `Catalog ${db.path} is a database of some other program. Nothing in it was changed; set \`catalog\` to another file.`,
    );
  }
  db.exec(`pragma application_id = ${applicationId}`);
  db.exec('create table migrations (number integer primary key, applied_at real not null) strict');
}

function schemaOf(db: Database): number {
  const version = db.get<{ readonly user_version: number }>('pragma user_version')?.user_version ?? 0;
  if (version > 0) assertOurs(db);
  return version;
}

function assertOurs(db: Database): void {
  const id = db.get<{ readonly application_id: number }>('pragma application_id')?.application_id;
  if (id === applicationId) return;
  throw new CatalogError(
    'corrupt',
    `Catalog ${db.path} is a database of some other program. Nothing in it was changed; set \`catalog\` to another file.`,
  );
}
