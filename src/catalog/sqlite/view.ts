import type { PolicyRow } from '../policies.ts';
import type { Ledger } from './ledger.ts';
import type { Target } from './names.ts';

/** A policy as this process was told it; the catalog may know more targets, which other processes work with. */
export interface View {
  readonly policyId: number;
  readonly source: string;
  readonly targets: readonly Target[];
  /** Condition on the copies `c` that leaves the other targets' out; empty where there are none. */
  readonly only: string;
  readonly minCopies: number;
}

/** @throws UsageError for a policy that `syncPolicies` never saw. */
export function viewOf(ledger: Ledger, policy: string): View {
  const policyId = ledger.names.policyId(policy);
  const known = ledger.names.targetsOf(policyId);
  const told = ledger.told.get(policy);
  if (told === undefined) return { policyId, targets: known, only: '', ...readPolicyRow(ledger, policyId) };
  const targets = known.filter((target) => told.targets.includes(target.name));
  const others = known.filter((target) => !told.targets.includes(target.name)).map((target) => target.id);
  const only = others.length === 0 ? '' : ` and c.target_id not in (${others.join(', ')})`;
  return { policyId, source: told.source, targets, only, minCopies: told.minCopies };
}

/** Remembers what `syncPolicies` was told, once it is committed. */
export function tell(ledger: Ledger, policies: readonly PolicyRow[]): void {
  ledger.told.clear();
  for (const policy of policies) ledger.told.set(policy.name, policy);
}

function readPolicyRow({ db }: Ledger, policyId: number): Pick<View, 'source' | 'minCopies'> {
  const sql = 'select source, min_copies as minCopies from policies where id = ?';
  const row = db.get<Pick<View, 'source' | 'minCopies'>>(sql, policyId);
  if (row === undefined) throw new Error(`Policy ${policyId} vanished from the catalog.`);
  return row;
}
