import { everHeldSql, forgetVanished } from './forget.ts';
import { keyRange } from './key-range.ts';
import { rememberFormer, returnToFormer } from './former.ts';
import type { KeyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import { rememberPast } from './past.ts';
import type { Selection } from './selection.ts';

export interface DecideScope {
  readonly prefix: string;
  readonly atMost: number;
}

const forget = 'observed_kind = null, observed_version = null, observed_size = null, observed_modified_at = null';

const forgetBoth = `${forget}, rejected_kind = null, rejected_version = null`;

const nextVersion = `version = observed_version, size = observed_size, modified_at = observed_modified_at, state = 'present', gone_at = null,
  ${rememberFormer}, ${rememberPast('o.observed_version')}, sha256 = null, checksums = null, attributes = null, source_damaged_at = null, damaged_version = null, provisional = null`;

const appliedEvent = `case o.observed_kind when 'vanished' then 'gone' else 'overwritten' end,
  case o.observed_kind when 'vanished' then 'no longer at the source'
  else 'version ' || o.version || ' became ' || o.observed_version end`;

/** @returns how many objects were decided; null when more than `atMost` wait, and nothing was. */
export function decideObserved(
  ledger: Ledger,
  policy: string,
  decision: 'apply' | 'drop',
  { prefix, atMost }: DecideScope,
): number | null {
  const selection = observedBelow(ledger.names.policyId(policy), keyRange(prefix));
  if (count(ledger, selection) > atMost) return null;
  if (decision === 'drop') return dropObserved(ledger, selection);
  return applyObserved(ledger, { ...selection, where: `${selection.where} and o.rejected_kind is null` });
}

export function observedBelow(policyId: number, range: KeyRange): Selection {
  return {
    from: 'objects as o indexed by objects_observed',
    where: `o.policy_id = ? and o.observed_kind is not null and ${range.sql}`,
    values: [policyId, ...range.values],
  };
}

/**
 * The observed version becomes the row's: its copies are pending, due now, and keep naming what stands at the
 * target and what was last proven of it, which is the old version. What vanished is gone; its copies stay as they are.
 * What vanished before it was copied is forgotten, or left undecided while somebody works on it; or it becomes what the
 * targets hold of it (`former`).
 */
export function applyObserved(ledger: Ledger, all: Selection): number {
  const now = ledger.now();
  const forgotten = forgetVanished(ledger, all);
  returnToFormer(ledger, all);
  const selection = { ...all, where: `${all.where} and (o.observed_kind = 'overwritten' or ${everHeldSql})` };
  ledger.db.run(historySql(selection, appliedEvent), now, ...selection.values);
  ledger.db.run(copiesSql(selection), now, now, now, ...selection.values);
  ledger.db.run(goneCopiesSql(selection), now, ...selection.values);
  const overwritten = ledger.db.run(updateSql(selection, 'overwritten', nextVersion), now, ...selection.values);
  const vanished = ledger.db.run(
    updateSql(selection, 'vanished', "state = 'gone', gone_at = ?"),
    now,
    now,
    ...selection.values,
  );
  return forgotten + overwritten + vanished;
}

function count({ db }: Ledger, selection: Selection): number {
  return db.get<{ readonly n: number }>(countSql(selection), ...selection.values)?.n ?? 0;
}

export function countSql({ from, where }: Selection): string {
  return `select count(*) as n from ${from} where ${where}`;
}

function dropObserved(ledger: Ledger, selection: Selection): number {
  const now = ledger.now();
  ledger.db.run(historySql(selection, "'dropped', 'the change was not taken over'"), now, ...selection.values);
  const sql = `update ${selection.from} set ${forget}, updated_at = ? where ${selection.where}`;
  return ledger.db.run(sql, now, ...selection.values);
}

export function historySql({ from, where }: Selection, eventAndDetail: string): string {
  return `insert into history (object_id, target_id, at, event, detail)
    select o.id, null, ?, ${eventAndDetail} from ${from} where ${where}`;
}

function copiesSql({ from, where }: Selection): string {
  return `update copies set state = 'pending', due_at = ?, attempts = 0, error_code = null, error_message = null,
    pending_since = coalesce(pending_since, ?), updated_at = ?
    where object_id in (select o.id from ${from} where ${where} and o.observed_kind = 'overwritten')`;
}

/** What stood against a copy while the source had the object may be over: it does not wait for that any longer. */
function goneCopiesSql({ from, where }: Selection): string {
  return `update copies set due_at = ?1 where due_at > ?1
    and object_id in (select o.id from ${from} where ${where} and o.observed_kind = 'vanished')`;
}

function updateSql({ from, where }: Selection, kind: string, change: string): string {
  return `update ${from} set ${change}, ${forgetBoth}, updated_at = ? where ${where} and o.observed_kind = '${kind}'`;
}
