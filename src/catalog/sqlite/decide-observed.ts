import type { SQLInputValue } from 'node:sqlite';
import { keyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';

/** Objects whose observed change is decided. */
export interface Selection {
  /** `objects as o`, with the index to use where there are many. */
  readonly from: string;
  readonly where: string;
  readonly values: readonly SQLInputValue[];
}

const forget = 'observed_kind = null, observed_version = null, observed_size = null, observed_modified_at = null';

const nextVersion = `version = observed_version, size = observed_size, modified_at = observed_modified_at, state = 'present',
  sha256 = null, checksums = null, attributes = null, source_damaged_at = null`;

const appliedEvent = `case o.observed_kind when 'vanished' then 'gone' else 'overwritten' end,
  case o.observed_kind when 'vanished' then 'no longer at the source'
  else 'version ' || o.version || ' became ' || o.observed_version end`;

/** @returns how many objects had an undecided change. */
export function decideObserved(ledger: Ledger, policy: string, decision: 'apply' | 'drop', prefix: string): number {
  const range = keyRange(prefix);
  const selection = {
    from: 'objects as o indexed by objects_observed',
    where: `o.policy_id = ? and o.observed_kind is not null and ${range.sql}`,
    values: [ledger.names.policyId(policy), ...range.values],
  };
  return decision === 'apply' ? applyObserved(ledger, selection) : dropObserved(ledger, selection);
}

/**
 * The observed version becomes the row's: its copies are pending, due now, and keep naming what stands at the
 * target and what was last proven of it, which is the old version. What vanished is gone; its copies stay as they are.
 */
export function applyObserved(ledger: Ledger, selection: Selection): number {
  const now = ledger.now();
  ledger.db.run(historySql(selection, appliedEvent), now, ...selection.values);
  ledger.db.run(copiesSql(selection), now, now, now, ...selection.values);
  const overwritten = ledger.db.run(updateSql(selection, 'overwritten', nextVersion), now, ...selection.values);
  const vanished = ledger.db.run(updateSql(selection, 'vanished', "state = 'gone'"), now, ...selection.values);
  return overwritten + vanished;
}

function dropObserved(ledger: Ledger, selection: Selection): number {
  const now = ledger.now();
  ledger.db.run(historySql(selection, "'dropped', 'the change was not taken over'"), now, ...selection.values);
  const sql = `update ${selection.from} set ${forget}, updated_at = ? where ${selection.where}`;
  return ledger.db.run(sql, now, ...selection.values);
}

function historySql({ from, where }: Selection, eventAndDetail: string): string {
  return `insert into history (object_id, target_id, at, event, detail)
    select o.id, null, ?, ${eventAndDetail} from ${from} where ${where}`;
}

function copiesSql({ from, where }: Selection): string {
  return `update copies set state = 'pending', due_at = ?, attempts = 0, error_code = null, error_message = null,
    pending_since = coalesce(pending_since, ?), updated_at = ?
    where object_id in (select o.id from ${from} where ${where} and o.observed_kind = 'overwritten')`;
}

function updateSql({ from, where }: Selection, kind: string, change: string): string {
  return `update ${from} set ${change}, ${forget}, updated_at = ? where ${where} and o.observed_kind = '${kind}'`;
}
