import type { Hold } from '../holds.ts';
import type { PassSummary, PolicyState } from '../policies.ts';
import type { Ledger } from './ledger.ts';

type Change = Partial<Omit<PolicyState, 'name'>>;

interface Row {
  readonly source_identity: string | null;
  readonly last_pass: string | null;
  readonly last_complete_pass_at: number | null;
  readonly hold: string | null;
}

export function readPolicy(ledger: Ledger, policy: string): PolicyState {
  const sql = 'select source_identity, last_pass, last_complete_pass_at, hold from policies where id = ?';
  const row = ledger.db.get<Row>(sql, ledger.names.policyId(policy));
  if (row === undefined) throw new Error(`Policy ${policy} vanished from the catalog.`);
  return {
    name: policy,
    sourceIdentity: row.source_identity,
    lastPass: row.last_pass === null ? null : (JSON.parse(row.last_pass) as PassSummary),
    lastCompletePassAt: row.last_complete_pass_at,
    hold: row.hold === null ? null : (JSON.parse(row.hold) as Hold),
  };
}

/** Changes what is given, one column at a time, so that two processes that change different things both do. */
export function updatePolicy(ledger: Ledger, policy: string, change: Change, decidedUpTo = Infinity): void {
  const id = ledger.names.policyId(policy);
  const set = (column: keyof Row, value: string | number | null): void => {
    ledger.db.run(`update policies set ${column} = ? where id = ?`, value, id);
  };
  if (change.sourceIdentity !== undefined) set('source_identity', change.sourceIdentity);
  if (change.lastPass !== undefined) set('last_pass', toJson(change.lastPass));
  if (change.lastCompletePassAt !== undefined) set('last_complete_pass_at', change.lastCompletePassAt);
  if (change.hold !== undefined && newestDecision(ledger, id) <= decidedUpTo) set('hold', toJson(change.hold));
}

/** 0 when nothing was ever decided. */
function newestDecision({ db }: Ledger, policyId: number): number {
  const sql = 'select max(id) as id from decisions where policy_id = ?';
  return db.get<{ readonly id: number | null }>(sql, policyId)?.id ?? 0;
}

/** JSON, and not the text itself, also because a key may hold what SQLite's text cannot: `stringify` escapes it. */
function toJson(value: PassSummary | Hold | null): string | null {
  return value === null ? null : JSON.stringify(value);
}
