import type { Settlement } from '../claims.ts';
import { note } from './history.ts';
import type { Ledger } from './ledger.ts';

type Learnt = NonNullable<Settlement['learnt']>;

/** What is known of an object's bytes; the digest in hex, null (or empty) before it was read. */
export interface LearntState {
  readonly id: number;
  readonly version: string;
  readonly sha256: string | null;
  readonly checksums: string | null;
  readonly attributes: string | null;
  readonly source_damaged_at: number | null;
  readonly provisional: number | null;
}

const setLearnt = `update objects set sha256 = ?, checksums = ?, attributes = ?, source_damaged_at = null, damaged_version = null, provisional = ?,
  updated_at = ? where id = ?`;

const setDamaged = 'update objects set source_damaged_at = ?, damaged_version = ?, updated_at = ? where id = ?';

/** What was observed meanwhile is another version than the one that was read, and stays. */
const setSound = `update objects set source_damaged_at = null, damaged_version = null, version = ?1,
  observed_kind = case when observed_version = ?1 then null else observed_kind end,
  observed_size = case when observed_version = ?1 then null else observed_size end,
  observed_modified_at = case when observed_version = ?1 then null else observed_modified_at end,
  observed_version = case when observed_version = ?1 then null else observed_version end,
  updated_at = ?2 where id = ?3`;

/**
 * Takes over what reading the source told. Bytes that differ from those known for the same version are damage at
 * the source: the digest stays.
 * @returns the object's digest from now on, null when unknown.
 */
export function learn(
  ledger: Ledger,
  object: LearntState,
  learnt: Learnt | undefined,
): { readonly applied: boolean; readonly sha256: string | null } {
  const known = isKnown(object) ? object.sha256 : null;
  if (learnt === undefined) return { applied: true, sha256: known };
  if (known !== null && known !== learnt.sha256) {
    noteDamage(ledger, object, learnt.sha256, known);
    return { applied: false, sha256: known };
  }
  store(ledger, object, learnt);
  return { applied: true, sha256: learnt.sha256 };
}

function isKnown({ sha256 }: LearntState): boolean {
  return sha256 !== null && sha256 !== '';
}

function store(ledger: Ledger, object: LearntState, learnt: Learnt): void {
  const checksums = JSON.stringify(learnt.checksums);
  const attributes = JSON.stringify(learnt.attributes);
  const same = object.sha256 === learnt.sha256 && object.checksums === checksums && object.attributes === attributes;
  const provisional = learnt.provisional === true && (!isKnown(object) || object.provisional === 1) ? 1 : null;
  if (same && object.source_damaged_at === null && object.provisional === provisional) return;
  const digest = Buffer.from(learnt.sha256, 'hex');
  ledger.db.run(setLearnt, digest, checksums, attributes, provisional, ledger.now(), object.id);
}

/**
 * The source's bytes are not those that are known for this version. `version`: what the source calls it, where that changed.
 */
export function noteDamage(
  ledger: Ledger,
  object: LearntState,
  found: string,
  known: string,
  version: string | null = null,
): void {
  const now = ledger.now();
  ledger.db.run(setDamaged, object.source_damaged_at ?? now, version, now, object.id);
  const detail = `version ${object.version} reads as SHA-256 ${found}, known as ${known}`;
  note(ledger, object.id, null, 'source-damaged', detail);
}

/** The source's bytes are those that are known, under the version `version` from now on. */
export function noteSound(ledger: Ledger, object: LearntState, version: string): void {
  ledger.db.run(setSound, version, ledger.now(), object.id);
  if (object.source_damaged_at !== null)
    note(ledger, object.id, null, 'source-sound', `version ${version} reads as it was known again`);
  if (version !== object.version)
    note(ledger, object.id, null, 'touched', `version ${object.version} became ${version}, with the same bytes`);
}
