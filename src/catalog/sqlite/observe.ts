import type { Observed, Rejected } from '../rows.ts';
import { applyObserved } from './decide-observed.ts';
import { unearthCopies } from './deleted-copies.ts';
import { forgetVanished, wasEverHeld } from './forget.ts';
import { note } from './history.ts';
import type { Ledger } from './ledger.ts';
import { oneObject } from './selection.ts';

/** An object as statements that compare it with the source need it. */
export interface SourceState {
  readonly id: number;
  readonly policy_id: number;
  readonly version: string;
  readonly state: 'present' | 'gone';
  readonly observed_kind: Observed['kind'] | null;
  readonly observed_version: string | null;
  readonly observed_unlike: string;
  readonly rejected_kind: Rejected['kind'] | null;
  readonly rejected_version: string | null;
  readonly updated_at: number;
}

export const sourceStateColumns = `id, policy_id, version, state, observed_kind, observed_version,
  lower(hex(observed_unlike)) as observed_unlike, rejected_kind, rejected_version, updated_at`;

const setObserved = `update objects set observed_kind = ?, observed_version = ?, observed_size = ?, observed_modified_at = ?,
  observed_unlike = ?, updated_at = ? where id = ?`;

const setUnlike = 'update objects set observed_unlike = ? where id = ?';

const withdrawObserved = `update objects set observed_kind = null, observed_version = null, observed_size = null,
  observed_modified_at = null, updated_at = ? where id = ?`;

const forgetObserved = `update objects set observed_kind = null, observed_version = null, observed_size = null,
  observed_modified_at = null, rejected_kind = null, rejected_version = null, updated_at = ? where id = ?`;

const setPresent = `update objects set state = 'present', gone_at = null, observed_kind = null, observed_version = null, observed_size = null,
  observed_modified_at = null, rejected_kind = null, rejected_version = null, updated_at = ? where id = ?`;

/** Notes what the source has now in place of the row's version. @returns whether anything changed. */
export function observe(ledger: Ledger, object: SourceState, seen: Observed): boolean {
  if (isRejected(object, seen)) return observeRejected(ledger, object);
  if (seen.kind === 'vanished') {
    return object.state === 'gone' ? observeStillGone(ledger, object) : observeVanished(ledger, object);
  }
  if (seen.version === object.version) return observePresent(ledger, object);
  const changed = remember(ledger, object, seen);
  // Nothing can be lost by an overwrite of what was never copied, and files that change fast would never get copied.
  if (changed && !wasEverHeld(ledger, object.id)) applyObserved(ledger, oneObject(object.id));
  return changed;
}

/** The very change that a person rejected. A gone object that is gone again is what the row says. */
function isRejected({ state, rejected_kind, rejected_version }: SourceState, seen: Observed): boolean {
  if (seen.kind === 'vanished') return rejected_kind === 'vanished' && state === 'present';
  return rejected_kind === 'overwritten' && rejected_version === seen.version;
}

/** What came after the rejection is gone again. */
function observeRejected(ledger: Ledger, object: SourceState): boolean {
  if (object.observed_kind === null) return false;
  ledger.db.run(withdrawObserved, ledger.now(), object.id);
  note(ledger, object.id, null, 'rejected-again', 'the source shows again what was rejected');
  return true;
}

/** What had come back in its place went again. */
function observeStillGone(ledger: Ledger, object: SourceState): boolean {
  if (object.observed_kind === null && object.rejected_kind === null) return false;
  ledger.db.run(forgetObserved, ledger.now(), object.id);
  note(ledger, object.id, null, 'gone', 'what stood in its place at the source is gone again');
  return true;
}

function observeVanished(ledger: Ledger, object: SourceState): boolean {
  const changed = remember(ledger, object, { kind: 'vanished' });
  return forgetVanished(ledger, oneObject(object.id)) > 0 || changed;
}

/** The source has the row's version (again). @returns whether anything changed. */
export function observePresent(ledger: Ledger, object: SourceState): boolean {
  if (object.state === 'present' && object.observed_kind === null && object.rejected_kind === null) return false;
  ledger.db.run(setPresent, ledger.now(), object.id);
  if (object.state === 'gone') unearthCopies(ledger, object.id);
  forgetProvisional(ledger, object.id);
  note(ledger, object.id, null, 'present', `the source has version ${object.version} again`);
  return true;
}

/** It stays marked: until the source was read, what records say of this version may be the agreement's own echo. */
const dropDigest = `update objects set sha256 = null, checksums = null, attributes = null
  where id = ? and provisional = 1 and sha256 is not null returning id`;

const doubt = `update copies set state = 'unproven', due_at = ?1, attempts = 0, pending_since = coalesce(pending_since, ?1),
  evidence_method = null, evidence_sha256 = null, evidence_by = null, evidence_at = null, first_event = null,
  first_at = null, updated_at = ?1 where object_id = ?2 and version is not null`;

/** What the copies agreed upon while the source did not have it counts no more: the source can be asked again. */
export function forgetProvisional(ledger: Ledger, id: number): void {
  if (ledger.db.get(dropDigest, id) !== undefined) ledger.db.run(doubt, ledger.now(), id);
}

function remember(ledger: Ledger, object: SourceState, seen: Observed): boolean {
  const overwritten = seen.kind === 'overwritten' ? seen : undefined;
  const { version = null, size = null, modifiedAt = null, unlike } = overwritten ?? {};
  const digest = unlike === undefined ? null : Buffer.from(unlike, 'hex');
  if (object.observed_kind === seen.kind && object.observed_version === version) {
    if (digest === null || object.observed_unlike === unlike) return false;
    ledger.db.run(setUnlike, digest, object.id);
    return true;
  }
  ledger.db.run(setObserved, seen.kind, version, size, modifiedAt, digest, ledger.now(), object.id);
  note(ledger, object.id, null, `observed-${seen.kind}`, version === null ? '' : `the source has version ${version}`);
  return true;
}
