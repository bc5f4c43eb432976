import { keyToBytes } from '../../objects/key.ts';
import type { Finding, RecordResult } from '../findings.ts';
import { isNewer } from './as-of.ts';
import type { Ledger } from './ledger.ts';
import type { Target } from './names.ts';
import { recordAudited, recordSourceRead, recordWrong } from './record-audit.ts';
import { recordMissing, recordRecheck, recordStanding } from './record-copy.ts';
import { observe, observePresent, sourceStateColumns } from './observe.ts';
import type { SourceState } from './observe.ts';

type NewFinding = Extract<Finding, { kind: 'new' }>;
type KnownFinding = Exclude<Finding, NewFinding>;

const insertObject = `insert into objects (policy_id, key, version, size, modified_at, updated_at) values (?, ?, ?, ?, ?, ?)
  on conflict (policy_id, key) do nothing returning id`;

const insertCopy = `insert into copies (object_id, target_id, policy_id, state, version, due_at, pending_since, updated_at)
  values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6)`;

const selectSource = `select ${sourceStateColumns} from objects where id = ?`;

/**
 * What stands at the targets is taken over first: an object that vanished before it was copied is forgotten, and what
 * a crashed process left at a target, found by the same pass, is a copy.
 */
export function record(ledger: Ledger, policy: string, findings: readonly Finding[]): RecordResult {
  const policyId = ledger.names.policyId(policy);
  const targets = ledger.names.targetsOf(policyId);
  let applied = 0;
  for (const finding of [...findings.filter(isOfTarget), ...findings.filter((each) => !isOfTarget(each))]) {
    const changed =
      finding.kind === 'new' ? insert(ledger, policyId, targets, finding) : apply(ledger, policyId, finding);
    if (changed) applied += 1;
  }
  return { applied };
}

function isOfTarget(finding: Finding): boolean {
  return 'target' in finding;
}

function insert(ledger: Ledger, policyId: number, targets: readonly Target[], finding: NewFinding): boolean {
  const { version, size, modifiedAt } = finding.object;
  const now = ledger.now();
  const key = keyToBytes(finding.key);
  const row = ledger.db.get<{ readonly id: number }>(insertObject, policyId, key, version, size, modifiedAt, now);
  if (row === undefined) return false;
  for (const target of targets) {
    const found = Object.hasOwn(finding.found, target.name) ? (finding.found[target.name] ?? null) : null;
    const state = found === null ? 'pending' : 'unproven';
    ledger.db.run(insertCopy, row.id, target.id, policyId, state, found, now);
  }
  return true;
}

function apply(ledger: Ledger, policyId: number, finding: KnownFinding): boolean {
  const object = ledger.db.get<SourceState>(selectSource, finding.id);
  if (object === undefined || object.policy_id !== policyId) return false;
  switch (finding.kind) {
    case 'overwritten':
    case 'vanished':
    case 'present':
      // The row changed after the listing was asked for, or in the same millisecond: the listing says nothing about it.
      return isNewer(ledger, finding.asOf, object.updated_at) && applyToObject(ledger, object, finding);
    case 'missing':
      return recordMissing(ledger, finding);
    case 'foreign':
    case 'found':
      return recordStanding(ledger, finding);
    case 'audited':
      return recordAudited(ledger, finding);
    case 'wrong':
      return recordWrong(ledger, finding);
    case 'source-read':
      return recordSourceRead(ledger, finding);
    case 'recheck':
      return recordRecheck(ledger, finding);
  }
}

function applyToObject(
  ledger: Ledger,
  object: SourceState,
  finding: Extract<Finding, { kind: 'overwritten' | 'vanished' | 'present' }>,
): boolean {
  if (finding.kind === 'present') return observePresent(ledger, object);
  if (finding.kind === 'vanished') return observe(ledger, object, { kind: 'vanished' });
  const { unlike } = finding;
  return observe(ledger, object, {
    kind: 'overwritten',
    ...finding.object,
    ...(unlike === undefined ? {} : { unlike }),
  });
}
