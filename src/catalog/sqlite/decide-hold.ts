import type { DecideHoldRequest, Decision, DecisionEntry, Hold, HoldVerdict } from '../holds.ts';
import { applyObserved, historySql, observedBelow } from './decide-observed.ts';
import { everHeldSql } from './forget.ts';
import { keyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import { readPolicy } from './policy-state.ts';
import type { Selection } from './selection.ts';

interface Changes {
  readonly overwritten: number;
  readonly vanished: number;
}

const insert = 'insert into decisions (policy_id, at, decision, by, hold) values (?, ?, ?, ?, ?)';

export const selectNewest = `select id, at, decision, by, hold from decisions indexed by decisions_policy
  where policy_id = ? order by id desc limit ? + 0`;

/** What was never held by a target is left undecided: there is nothing to keep. */
const keep = `rejected_kind = observed_kind, rejected_version = observed_version, observed_kind = null,
  observed_version = null, observed_size = null, observed_modified_at = null, updated_at = ?`;

const rejectedEvent = `'rejected', case o.observed_kind when 'vanished' then 'kept, though no longer at the source'
  else 'kept, though the source has version ' || o.observed_version end`;

const takenBackEvent = `'rejection-taken-back', 'the next pass judges the source''s change anew'`;

export function decideHold(
  ledger: Ledger,
  policy: string,
  decision: Decision,
  { by, atMost = Infinity }: DecideHoldRequest,
): HoldVerdict {
  const { hold } = readPolicy(ledger, policy);
  const policyId = ledger.names.policyId(policy);
  if (hold === null) return decision === 'released' ? takeBack(ledger, policyId, by) : { outcome: 'nothing-held' };
  const held = observedBelow(policyId, keyRange(''));
  const changes = countKinds(ledger, held, 'observed_kind');
  if (decision === 'released') {
    if (hold.listingFailed === true) return { outcome: 'not-listed', hold };
    const all = changes.overwritten + changes.vanished;
    if (all > atMost) return { outcome: 'too-many', held: all, hold };
  }
  const decided = decision === 'released' ? release(ledger, policyId, held, hold, changes) : reject(ledger, held);
  note(ledger, policyId, decision, by, hold);
  ledger.db.run('update policies set hold = null where id = ?', policyId);
  return { outcome: decision, ...decided, hold };
}

export function decisions(ledger: Ledger, policy: string, limit: number): readonly DecisionEntry[] {
  const rows = ledger.db.all<Omit<DecisionEntry, 'hold'> & { readonly hold: string }>(
    selectNewest,
    ledger.names.policyId(policy),
    limit,
  );
  return rows.map((row) => ({ ...row, hold: JSON.parse(row.hold) as Hold }));
}

function release(ledger: Ledger, policyId: number, held: Selection, hold: Hold, changes: Changes): Changes {
  applyObserved(ledger, held);
  if (hold.sourceIdentity !== undefined) {
    ledger.db.run('update policies set source_identity = ? where id = ?', hold.sourceIdentity, policyId);
  }
  return changes;
}

function reject(ledger: Ledger, held: Selection): Changes {
  const kept = { ...held, where: `${held.where} and ${everHeldSql}` };
  const changes = countKinds(ledger, kept, 'observed_kind');
  const now = ledger.now();
  ledger.db.run(historySql(kept, rejectedEvent), now, ...kept.values);
  ledger.db.run(`update ${kept.from} set ${keep} where ${kept.where}`, now, ...kept.values);
  return changes;
}

function takeBack(ledger: Ledger, policyId: number, by: string): HoldVerdict {
  const rejected = rejectedOf(policyId);
  const changes = countKinds(ledger, rejected, 'rejected_kind');
  if (changes.overwritten + changes.vanished === 0) return { outcome: 'nothing-held' };
  const now = ledger.now();
  ledger.db.run(historySql(rejected, takenBackEvent), now, ...rejected.values);
  const sql = `update ${rejected.from} set rejected_kind = null, rejected_version = null, updated_at = ? where ${rejected.where}`;
  ledger.db.run(sql, now, ...rejected.values);
  const reasons = ['there was no hold: earlier rejections were taken back'];
  const known = changes.overwritten + changes.vanished;
  note(ledger, policyId, 'released', by, { since: now, reasons, ...changes, known, sample: [] });
  return { outcome: 'taken-back', ...changes };
}

function note(ledger: Ledger, policyId: number, decision: Decision, by: string, hold: Hold): void {
  ledger.db.run(insert, policyId, ledger.now(), decision, by, JSON.stringify(hold));
}

/** Without those that changed once more: these are to be decided about by themselves. */
export function rejectedOf(policyId: number): Selection {
  const from = 'objects as o indexed by objects_rejected';
  const where = 'o.policy_id = ? and o.rejected_kind is not null and o.observed_kind is null';
  return { from, where, values: [policyId] };
}

function countKinds({ db }: Ledger, selection: Selection, column: Parameters<typeof kindsSql>[1]): Changes {
  const row = db.get<Changes>(kindsSql(selection, column), ...selection.values);
  return { overwritten: row?.overwritten ?? 0, vanished: row?.vanished ?? 0 };
}

export function kindsSql({ from, where }: Selection, column: 'observed_kind' | 'rejected_kind'): string {
  return `select count(*) filter (where o.${column} = 'overwritten') as overwritten,
    count(*) filter (where o.${column} = 'vanished') as vanished from ${from} where ${where}`;
}
