/**
 * Snapshots of the catalog at the targets, see `catalog/snapshots.ts`.
 *
 * - `identity`: one row, chosen by chance with the catalog, so that catalogs that share a target keep apart there.
 * - `snapshots`: the newest verified one of each target, and what went wrong since.
 */
export const sql = `
create table identity (id text not null) strict;
insert into identity (id) values (lower(hex(randomblob(8))));

create table snapshots (
  target text primary key,
  taken_at real,
  key text,
  size integer,
  error text,
  error_at real
) strict, without rowid;
`;
