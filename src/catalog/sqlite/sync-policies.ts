import type { PolicyRow } from '../policies.ts';
import type { Ledger } from './ledger.ts';

const upsertPolicy = `insert into policies (name, source, min_copies, configured) values (?, ?, ?, 1)
  on conflict (name) do update set source = excluded.source, min_copies = excluded.min_copies, configured = 1
  returning id`;

const addPolicy = `insert into policies (name, source, min_copies, configured) values (?, ?, ?, 1)
  on conflict (name) do nothing`;

const upsertTarget = `insert into targets (name) values (?) on conflict (name) do update set name = excluded.name returning id`;

const noteAll = 'insert or ignore into untallied select id from objects where policy_id = ?';

const addCopies = `insert into copies (object_id, target_id, policy_id, state, due_at, pending_since, updated_at)
  select id, ?2, policy_id, 'pending', ?3, ?3, ?3 from objects where policy_id = ?1`;

/** A policy that left the configuration keeps its rows; they wait, unclaimed, until it comes back. */
export function syncPolicies(ledger: Ledger, policies: readonly PolicyRow[], forget: boolean): void {
  if (forget) ledger.db.run('update policies set configured = 0 where configured = 1');
  for (const policy of policies)
    syncTargets(ledger, forget ? replace(ledger, policy) : add(ledger, policy), policy, forget);
}

/** @returns the policy's id. */
function replace(ledger: Ledger, { name, source, minCopies }: PolicyRow): number {
  return idOf(ledger, upsertPolicy, name, source, minCopies);
}

/** Leaves a policy that is known as it is: other processes work with it. @returns the policy's id. */
function add(ledger: Ledger, { name, source, minCopies }: PolicyRow): number {
  ledger.db.run(addPolicy, name, source, minCopies);
  return ledger.names.policyId(name);
}

function syncTargets(ledger: Ledger, policyId: number, policy: PolicyRow, forget: boolean): void {
  const before = new Set(ledger.names.targetsOf(policyId).map((target) => target.id));
  const after = new Set(policy.targets.map((name) => idOf(ledger, upsertTarget, name)));
  if (forget) for (const target of before) if (!after.has(target)) removeTarget(ledger, policyId, target);
  for (const target of after) if (!before.has(target)) addTarget(ledger, policyId, target);
}

function removeTarget({ db }: Ledger, policyId: number, targetId: number): void {
  db.run(noteAll, policyId);
  db.run('delete from copies where policy_id = ? and target_id = ?', policyId, targetId);
  db.run('delete from drills where policy_id = ? and target_id = ?', policyId, targetId);
  db.run('delete from policy_targets where policy_id = ? and target_id = ?', policyId, targetId);
}

function addTarget(ledger: Ledger, policyId: number, targetId: number): void {
  ledger.db.run('insert into policy_targets (policy_id, target_id) values (?, ?)', policyId, targetId);
  ledger.db.run(noteAll, policyId);
  ledger.db.run(addCopies, policyId, targetId, ledger.now());
}

function idOf({ db }: Ledger, sql: string, ...values: (string | number)[]): number {
  const row = db.get<{ readonly id: number }>(sql, ...values);
  if (row === undefined) throw new Error('An upsert returned no row.');
  return row.id;
}
