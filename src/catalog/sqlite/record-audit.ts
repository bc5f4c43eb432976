import type { Finding } from '../findings.ts';
import { moveCopy, readCopy } from './copies.ts';
import type { StoredCopy } from './copies.ts';
import { noteAudited } from './first-event.ts';
import { note } from './history.ts';
import { noteDamage, noteSound } from './learn.ts';
import type { LearntState } from './learn.ts';
import type { Ledger } from './ledger.ts';

type FindingOf<K extends Finding['kind']> = Extract<Finding, { kind: K }>;

const selectDigest = 'select lower(hex(sha256)) as sha256 from objects where id = ?';

const selectObject = `select id, version, lower(hex(sha256)) as sha256, checksums, attributes, source_damaged_at, damaged_version,
  provisional from objects where id = ?`;

/** Still damaged: passes look at it again once this is long ago. */
const setLooked = 'update objects set updated_at = ? where id = ?';

interface DamagedVersion {
  readonly damaged_version: string | null;
}

/** A verified copy that was read and is right. @returns whether the evidence was taken over. */
export function recordAudited(ledger: Ledger, finding: FindingOf<'audited'>): boolean {
  const copy = stillVerified(ledger, finding);
  if (copy === undefined) return false;
  const { evidence, version } = finding;
  if (evidence.method === 'claimed') throw new Error('A claim is no evidence: the copy keeps what it has.');
  const digest = ledger.db.get<{ readonly sha256: string }>(selectDigest, finding.id)?.sha256;
  if (evidence.sha256 !== digest) return false;
  noteAudited(ledger, copy, finding);
  moveCopy(ledger, copy, { state: 'verified', version, dueAt: null, attempts: 0, error: null, evidence });
  return true;
}

/** A verified copy that was read and is wrong. @returns whether it is damaged now. */
export function recordWrong(ledger: Ledger, finding: FindingOf<'wrong'>): boolean {
  const copy = stillVerified(ledger, finding);
  if (copy === undefined) return false;
  const { standing: version, error } = finding;
  note(ledger, copy.object_id, copy.target_id, 'damaged', `${error.code}: ${error.message}`);
  moveCopy(ledger, copy, { state: 'damaged', version, dueAt: ledger.now(), attempts: 0, error });
  return true;
}

/** @returns whether it was news. */
export function recordSourceRead(ledger: Ledger, finding: FindingOf<'source-read'>): boolean {
  const object = ledger.db.get<LearntState & DamagedVersion>(selectObject, finding.id);
  if (object === undefined || object.version !== finding.version) return false;
  const { sha256: known } = object;
  if (known === null || known === '') return false;
  const { found = object.version, sha256 } = finding;
  const other = found === object.version ? null : found;
  if (known === sha256) {
    if (object.source_damaged_at === null && other === null) return false;
    noteSound(ledger, object, found);
    return true;
  }
  if (object.source_damaged_at !== null && object.damaged_version === other) {
    ledger.db.run(setLooked, ledger.now(), object.id);
    return false;
  }
  noteDamage(ledger, object, sha256, known, other);
  return true;
}

function stillVerified(
  ledger: Ledger,
  { id, target, was, changedAt }: FindingOf<'audited' | 'wrong'>,
): StoredCopy | undefined {
  const copy = readCopy(ledger, id, target);
  return copy?.state === 'verified' && copy.version === was && copy.updated_at === changedAt ? copy : undefined;
}
