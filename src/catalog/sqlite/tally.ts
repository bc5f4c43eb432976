import type { Database } from './database.ts';
import { isDeletedSql } from './deleted-copies.ts';
import type { Ledger } from './ledger.ts';

/**
 * What is true of an object besides the states of its copies, one bit each.
 *
 * - `vanished`, `overwritten`: what a pass observed and nobody decided about.
 * - `misread`: observed as overwritten, by a version that was read and found to be damage.
 * - `sourceDamaged`: its bytes at the source are others than those known.
 * - `unread`: its digest is not known.
 */
export const fact = {
  gone: 1,
  vanished: 2,
  overwritten: 4,
  misread: 8,
  rejected: 16,
  sourceDamaged: 32,
  unread: 64,
} as const;

const isMisread = 'o.source_damaged_at is not null and o.damaged_version is o.observed_version';
const isOverwritten = `(o.observed_kind is 'overwritten' and not (${isMisread}))`;

const factsSql = `(o.state = 'gone') * ${fact.gone} + (o.observed_kind is 'vanished') * ${fact.vanished}
  + ${isOverwritten} * ${fact.overwritten} + (o.observed_kind is 'overwritten' and ${isMisread}) * ${fact.misread}
  + (o.rejected_kind is not null) * ${fact.rejected} + (o.source_damaged_at is not null) * ${fact.sourceDamaged}
  + (o.sha256 is null) * ${fact.unread}`;

const copiesSql = `coalesce((select group_concat(c.target_id || case when ${isDeletedSql} then 'x' else substr(c.state, 1, 1) end, '')
  from copies c where c.object_id = o.id), '')`;

/** Once with what was tallied before, once with what is so now. */
function addSql(sign: '' | '-'): string {
  return `insert into tallies (policy_id, copies, facts, objects, bytes, other_bytes)
    select t.policy_id, t.copies, t.facts, ${sign}count(*), ${sign}sum(t.size), ${sign}coalesce(sum(t.other_size), 0)
    from untallied u cross join tallied t on t.object_id = u.object_id where true group by 1, 2, 3
    on conflict do update set objects = objects + excluded.objects, bytes = bytes + excluded.bytes,
      other_bytes = other_bytes + excluded.other_bytes`;
}

/** In this order, see `tally`. */
export const tallySql: readonly string[] = [
  addSql('-'),
  'delete from tallied where object_id in (select object_id from untallied)',
  `insert into tallied (object_id, policy_id, copies, facts, size, modified_at, other_size, other_modified_at)
    select o.id, o.policy_id, ${copiesSql}, ${factsSql}, o.size, o.modified_at,
      case when ${isOverwritten} then o.observed_size end, case when ${isOverwritten} then o.observed_modified_at end
    from untallied u cross join objects o on o.id = u.object_id`,
  addSql(''),
  'delete from tallies where objects = 0',
  'delete from untallied',
];

const noteSql = 'insert or ignore into untallied values (?)';

/**
 * Brings the tallies up to date with what changed in this transaction. All at once at its end, and not in triggers:
 * an object whose copies are settled together is counted once, and objects that changed alike count as one change.
 *
 * Triggers note what changes in `objects`. Who changes the state of copies, adds or removes some, without their object
 * changing in the same transaction, notes the object in `ledger.untallied` (or in the table of that name).
 */
export function tally({ db, untallied }: Pick<Ledger, 'db' | 'untallied'>): void {
  for (const id of untallied) db.run(noteSql, id);
  // After a rollback too: counting an object anew that did not change does no harm.
  untallied.clear();
  if (isBehind(db)) for (const sql of tallySql) db.run(sql);
}

export function isBehind(db: Database): boolean {
  return db.get('select 1 from untallied limit 1') !== undefined;
}
