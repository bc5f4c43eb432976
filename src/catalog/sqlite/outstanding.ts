import type { Outstanding, OutstandingRequest } from '../claims.ts';
import { neverDue } from './deleted-copies.ts';
import { keyRange } from './key-range.ts';
import type { KeyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import { narrowPrefix } from './narrow-prefix.ts';
import { isLiveSql } from './set-back.ts';

interface Scope {
  readonly policyId: number;
  readonly targetIds: readonly number[];
  /** Undefined: all keys, so that an index alone may answer. */
  readonly range: KeyRange | undefined;
  readonly now: number;
  /** Copies due later do not count. */
  readonly dueBy: number;
}

/** All that is due, less what is under a live lease. */
export function outstanding(ledger: Ledger, policy: string, request: OutstandingRequest): Outstanding {
  const { prefix = '', targets, dueBefore = Infinity } = request;
  const policyId = ledger.names.policyId(policy);
  const now = ledger.now();
  const narrowed = narrowPrefix(ledger, policyId, prefix);
  const scope: Scope = {
    policyId,
    targetIds: ledger.names.targetsOf(policyId).flatMap(({ id, name }) => (targets.includes(name) ? [id] : [])),
    range: narrowed === '' ? undefined : keyRange(narrowed),
    now,
    dueBy: Math.min(now, dueBefore),
  };
  const leased = readLeased(ledger, scope);
  return { due: countDue(ledger, scope) - leased.copies, leased: leased.objects, nextDueAt: nextDueAt(ledger, scope) };
}

function countDue({ db }: Ledger, { policyId, targetIds, range, dueBy }: Scope): number {
  const sql = dueSql(range);
  const counts = targetIds.map((id) => db.get<{ readonly n: number }>(sql, policyId, id, dueBy, ...valuesOf(range))?.n);
  return counts.reduce<number>((sum, n) => sum + (n ?? 0), 0);
}

/** Objects under a live lease with due copies at the targets, and these copies. */
function readLeased({ db }: Ledger, scope: Scope): { readonly objects: number; readonly copies: number } {
  const { policyId, targetIds, range, now, dueBy } = scope;
  const values = [dueBy, JSON.stringify(targetIds), policyId, now, ...valuesOf(range)];
  const row = db.get<{ readonly objects: number; readonly copies: number }>(leasedSql(range), ...values);
  return row ?? { objects: 0, copies: 0 };
}

/** When a waiting copy comes due or a lease runs out. */
function nextDueAt({ db }: Ledger, { policyId, targetIds, range, now }: Scope): number | null {
  const values = valuesOf(range);
  const due = nextDueSql(range);
  const times = targetIds.map((id) => db.get<{ readonly at: number }>(due, policyId, id, now, ...values)?.at);
  times.push(db.get<{ readonly at: number }>(nextLeaseSql(range), policyId, now, ...values)?.at);
  const known = times.filter((at) => at !== undefined);
  return known.length === 0 ? null : Math.min(...known);
}

export function dueSql(range?: KeyRange): string {
  const join = range === undefined ? '' : 'cross join objects o on o.id = c.object_id';
  return `select count(*) as n from copies c indexed by copies_due ${join}
    where c.policy_id = ? and c.target_id = ? and c.due_at <= ?${and(range)}`;
}

export function leasedSql(range?: KeyRange): string {
  return `select count(*) as objects, cast(total(n) as integer) as copies from (
    select (select count(*) from copies c where c.object_id = o.id and c.due_at <= ?1
      and c.target_id in (select value from json_each(?2))) as n
    from objects o indexed by objects_leased where o.policy_id = ?3 and ${isLiveSql('o.lease_until', '?4')}${and(range)}) where n > 0`;
}

export function nextDueSql(range?: KeyRange): string {
  return `select c.due_at as at from copies c indexed by copies_due cross join objects o on o.id = c.object_id
    where c.policy_id = ? and c.target_id = ? and c.due_at > ? and c.due_at < ${neverDue}${and(range)}
    order by c.due_at limit 1`;
}

export function nextLeaseSql(range?: KeyRange): string {
  return `select o.lease_until as at from objects o indexed by objects_leased
    where o.policy_id = ?1 and ${isLiveSql('o.lease_until', '?2')}${and(range)} order by o.lease_until limit 1`;
}

function and(range: KeyRange | undefined): string {
  return range === undefined ? '' : ` and ${range.sql}`;
}

function valuesOf(range: KeyRange | undefined): readonly Uint8Array[] {
  return range?.values ?? [];
}
