import { keyToBytes } from '../../objects/key.ts';
import type { ImportedCopy, ImportedObject } from '../import.ts';
import { note } from './history.ts';
import type { Ledger } from './ledger.ts';
import type { Target } from './names.ts';

/** The token grows, so that whoever worked on what was known before settles nothing. */
const upsertObject = `insert into objects (policy_id, key, version, size, modified_at, sha256, checksums, attributes, updated_at)
  values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
  on conflict (policy_id, key) do update set version = ?3, size = ?4, modified_at = ?5, sha256 = ?6, checksums = ?7,
  attributes = ?8, updated_at = ?9, state = 'present', gone_at = null, source_damaged_at = null, damaged_version = null,
  provisional = null, observed_kind = null, observed_version = null, observed_size = null, observed_modified_at = null,
  former = null, past = null, rejected_kind = null, rejected_version = null, lease_owner = null, lease_until = null, lease_token = lease_token + 1
  returning id`;

const dropCopies = 'delete from copies where object_id = ?';

const insertCopy = `insert into copies (object_id, target_id, policy_id, state, version, evidence_method, evidence_sha256,
  evidence_by, evidence_at, due_at, error_code, error_message, pending_since, recorded, first_event, first_at, updated_at)
  values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?10, ?13, ?14, ?15, ?16)`;

export function importObjects(ledger: Ledger, policy: string, objects: readonly ImportedObject[]): void {
  const policyId = ledger.names.policyId(policy);
  const targets = ledger.names.targetsOf(policyId);
  for (const object of objects) importOne(ledger, policyId, targets, object);
}

function importOne(ledger: Ledger, policyId: number, targets: readonly Target[], object: ImportedObject): void {
  const { version, size, modifiedAt, sha256, checksums, attributes } = object;
  const row = ledger.db.get<{ readonly id: number }>(
    upsertObject,
    policyId,
    keyToBytes(object.key),
    version,
    size,
    modifiedAt,
    sha256 === null ? null : Buffer.from(sha256, 'hex'),
    sha256 === null ? null : JSON.stringify(checksums),
    sha256 === null || attributes === null ? null : JSON.stringify(attributes),
    ledger.now(),
  );
  if (row === undefined) throw new Error('An upsert returned no row.');
  ledger.db.run(dropCopies, row.id);
  ledger.untallied.add(row.id);
  for (const target of targets) {
    const copy = object.copies.find((candidate) => candidate.target === target.name);
    addCopy(ledger, { objectId: row.id, policyId, targetId: target.id }, object, copy);
  }
  note(ledger, row.id, null, 'rebuilt', `version ${version}, from what the targets hold`);
}

interface Place {
  readonly objectId: number;
  readonly policyId: number;
  readonly targetId: number;
}

function addCopy(ledger: Ledger, place: Place, { sha256 }: ImportedObject, copy: ImportedCopy | undefined): void {
  const now = ledger.now();
  const { state = 'pending', version = null } = copy ?? {};
  const proven = copy?.state === 'verified' ? copy : undefined;
  if (proven !== undefined) requireProof(proven, sha256);
  const { evidence } = proven ?? {};
  const error = copy !== undefined && 'error' in copy ? copy.error : undefined;
  ledger.db.run(
    insertCopy,
    place.objectId,
    place.targetId,
    place.policyId,
    state,
    version,
    evidence?.method ?? null,
    evidence === undefined ? null : Buffer.from(evidence.sha256, 'hex'),
    evidence?.by ?? null,
    evidence?.at ?? null,
    proven === undefined ? now : null,
    error?.code ?? null,
    error?.message ?? null,
    proven === undefined ? null : Number(proven.recorded),
    proven === undefined ? null : 'adopted',
    proven === undefined ? null : now,
    now,
  );
}

function requireProof({ target, evidence }: Extract<ImportedCopy, { state: 'verified' }>, sha256: string | null): void {
  if (evidence.method === 'claimed') throw new Error(`What is only claimed proves nothing (${target}).`);
  if (evidence.sha256 !== sha256) throw new Error(`Evidence for other bytes than the object's (${target}).`);
}
