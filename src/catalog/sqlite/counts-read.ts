import type { OldestEvidence } from '../counts.ts';
import { keyRange } from './key-range.ts';
import type { KeyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import type { Target } from './names.ts';
import type { View } from './view.ts';

/** By target name. */
export function readOldestEvidence(
  ledger: Ledger,
  { policyId, targets }: View,
  prefix: string,
): ReadonlyMap<string, OldestEvidence> {
  const range = rangeOf(prefix);
  return new Map(targets.map(({ id, name }) => [name, oldestEvidence(ledger, policyId, id, range)]));
}

function oldestEvidence(
  { db }: Ledger,
  policyId: number,
  targetId: number,
  range: KeyRange | undefined,
): OldestEvidence {
  const oldest = (method: keyof OldestEvidence): number | null => {
    const values = [policyId, targetId, method, ...(range?.values ?? [])];
    return db.get<{ readonly at: number | null }>(evidenceSql(range), ...values)?.at ?? null;
  };
  return { attested: oldest('attested'), read: oldest('read') };
}

/** Since when the oldest copy at the view's targets has been waiting; null when none waits. */
export function readOldestPending({ db }: Ledger, { policyId, targets }: View, prefix: string): number | null {
  const range = rangeOf(prefix);
  const sinceAt = ({ id }: Target): number | undefined =>
    db.get<{ readonly since: number }>(waitingSql(range), policyId, id, ...(range?.values ?? []))?.since;
  const known = targets.map(sinceAt).filter((since) => since !== undefined);
  return known.length === 0 ? null : Math.min(...known);
}

export function waitingSql(range?: KeyRange): string {
  const join = range === undefined ? '' : ` cross join objects o on o.id = c.object_id`;
  return `select c.pending_since as since from copies c indexed by copies_waiting${join}
    where c.policy_id = ? and c.target_id = ? and c.pending_since is not null${and(range)} order by c.pending_since limit 1`;
}

export function evidenceSql(range?: KeyRange): string {
  if (range === undefined) {
    return `select min(c.evidence_at) as at from copies c indexed by copies_evidence
      where c.policy_id = ? and c.target_id = ? and c.evidence_method = ? and c.state = 'verified'`;
  }
  return `select c.evidence_at as at from copies c indexed by copies_evidence cross join objects o on o.id = c.object_id
    where c.policy_id = ? and c.target_id = ? and c.evidence_method = ? and c.state = 'verified'${and(range)} order by c.evidence_at limit 1`;
}

function rangeOf(prefix: string): KeyRange | undefined {
  return prefix === '' ? undefined : keyRange(prefix);
}

function and(range: KeyRange | undefined): string {
  return range === undefined ? '' : ` and ${range.sql}`;
}
