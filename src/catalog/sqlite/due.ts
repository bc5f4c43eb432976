import type { ClaimRequest } from '../claims.ts';
import { awaitedSql } from './awaited.ts';
import { dueBelow } from './due-below.ts';
import type { Ledger } from './ledger.ts';
import { narrowPrefix } from './narrow-prefix.ts';
import { callIn, isOverSql } from './set-back.ts';

/** An object with due work and no live lease. */
export interface Candidate {
  readonly id: number;
  readonly policy: string;
  readonly source: string;
  /** When the first of its copies became due. */
  readonly due: number;
}

interface Policy {
  readonly id: number;
  readonly name: string;
  readonly source: string;
}

export interface DueRow {
  readonly id: number;
  readonly due: number;
}

/** Due work of one policy at one target. */
export interface DueWork {
  readonly policyId: number;
  readonly targetId: number;
  readonly prefix: string;
  /** The latest due time that counts. */
  readonly dueBy: number;
  readonly now: number;
  readonly limit: number;
  /** Targets whose due work comes first. */
  readonly unless: readonly number[];
}

export const oldestSql = `select c.object_id as id, c.due_at as due
  from copies c indexed by copies_due cross join objects o on o.id = c.object_id
  where c.policy_id = ?1 and c.target_id = ?2 and c.due_at <= ?3 and ${isOverSql('o.lease_until', '?4')}
  order by c.due_at limit ?5 + 0`;

/** The same without what the other targets wait for; looked for among the oldest only, however many are due. */
export function oldestUnlessSql(others: readonly number[]): string {
  return `select q.id, q.due from (select object_id as id, due_at as due from copies indexed by copies_due
      where policy_id = ?1 and target_id = ?2 and due_at <= ?3 order by due_at limit 1000) q
    cross join objects o on o.id = q.id
    where ${isOverSql('o.lease_until', '?4')} and not ${awaitedSql('q.id', others, '?3')}
    order by q.due limit ?5 + 0`;
}

/** Oldest due first. The oldest `limit` of every policy and target hold the oldest `limit` of all. */
export function dueObjects(ledger: Ledger, request: ClaimRequest): readonly Candidate[] {
  const found = new Map<number, Candidate>();
  for (const policy of configured(ledger, request.policies)) {
    for (const row of dueOf(ledger, policy, request)) {
      const known = found.get(row.id);
      if (known === undefined || row.due < known.due)
        found.set(row.id, { ...row, policy: policy.name, source: policy.source });
    }
  }
  return [...found.values()].sort((a, b) => a.due - b.due || a.id - b.id).slice(0, request.limit);
}

function configured({ db }: Ledger, names: readonly string[]): readonly Policy[] {
  const sql = 'select id, name, source from policies where name = ? and configured = 1';
  return names.map((name) => db.get<Policy>(sql, name)).filter((policy) => policy !== undefined);
}

function dueOf(ledger: Ledger, policy: Policy, request: ClaimRequest): readonly DueRow[] {
  const { limit } = request;
  const prefix = narrowPrefix(ledger, policy.id, request.prefix ?? '');
  const now = ledger.now();
  const all = ledger.names.targetsOf(policy.id);
  const unless = all.filter((target) => request.unless?.includes(target.name)).map(({ id }) => id);
  const work = { policyId: policy.id, prefix, dueBy: dueBy(request, now), now, limit, unless };
  const targets = all.filter((target) => request.targets.includes(target.name));
  callIn(ledger, policy.id, targets);
  const dueAt = prefix === '' ? dueAnywhere : dueBelow;
  return targets.flatMap(({ id }) => dueAt(ledger, { ...work, targetId: id }));
}

function dueAnywhere(
  { db }: Ledger,
  { policyId, targetId, dueBy: by, now, limit, unless }: DueWork,
): readonly DueRow[] {
  const sql = unless.length === 0 ? oldestSql : oldestUnlessSql(unless);
  return db.all<DueRow>(sql, policyId, targetId, by, now, limit);
}

/** Work is never claimed before it is due, whatever was asked for. */
export function dueBy({ dueBefore = Infinity }: ClaimRequest, now: number): number {
  return Math.min(now, dueBefore);
}
