import { neverDue } from './deleted-copies.ts';
import { keyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import { narrowPrefix } from './narrow-prefix.ts';

/** When work is due says nothing about the copy itself, so `updated_at` stays. */
export function makeDue(ledger: Ledger, policy: string, prefix: string): void {
  const policyId = ledger.names.policyId(policy);
  const now = ledger.now();
  const narrowed = narrowPrefix(ledger, policyId, prefix);
  for (const target of ledger.names.targetsOf(policyId)) {
    if (narrowed === '') ledger.db.run(allSql, now, policyId, target.id, now);
    else makeDueBelow(ledger, policyId, target.id, narrowed);
  }
}

function makeDueBelow(ledger: Ledger, policyId: number, targetId: number, prefix: string): void {
  const now = ledger.now();
  const range = keyRange(prefix);
  ledger.db.run(belowSql(range.sql), now, policyId, targetId, now, ...range.values);
}

export const allSql = `update copies indexed by copies_due set due_at = ?
  where policy_id = ? and target_id = ? and due_at > ? and due_at < ${neverDue}`;

/** Reads all that waits, whatever its key: mostly little does. */
export function belowSql(range: string): string {
  return `${allSql} and exists (select 1 from objects o where o.id = object_id and ${range})`;
}
