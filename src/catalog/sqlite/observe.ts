import type { Observed } from '../catalog.ts';
import { applyObserved } from './decide-observed.ts';
import { note } from './history.ts';
import type { Ledger } from './ledger.ts';

/** An object as statements that compare it with the source need it. */
export interface SourceState {
  readonly id: number;
  readonly policy_id: number;
  readonly version: string;
  readonly state: 'present' | 'gone';
  readonly observed_kind: Observed['kind'] | null;
  readonly observed_version: string | null;
  readonly updated_at: number;
}

export const sourceStateColumns = 'id, policy_id, version, state, observed_kind, observed_version, updated_at';

const setObserved = `update objects set observed_kind = ?, observed_version = ?, observed_size = ?, observed_modified_at = ?,
  updated_at = ? where id = ?`;

const setPresent = `update objects set state = 'present', observed_kind = null, observed_version = null, observed_size = null,
  observed_modified_at = null, updated_at = ? where id = ?`;

/** A target may hold something of this object, so overwriting it is the guard's to decide. */
const everCopied = `select exists (select 1 from copies where object_id = ? and
  (state not in ('pending', 'failed') or version is not null or evidence_at is not null)) as yes`;

/** Notes what the source has now in place of the row's version. @returns whether anything changed. */
export function observe(ledger: Ledger, object: SourceState, seen: Observed): boolean {
  if (seen.kind === 'vanished') return object.state === 'gone' ? false : remember(ledger, object, seen);
  if (seen.version === object.version) return observePresent(ledger, object);
  const changed = remember(ledger, object, seen);
  // Nothing can be lost by an overwrite of what was never copied, and files that change fast would never get copied.
  if (changed && !isCopied(ledger, object.id)) {
    applyObserved(ledger, { from: 'objects as o', where: 'o.id = ?', values: [object.id] });
  }
  return changed;
}

/** The source has the row's version (again). @returns whether anything changed. */
export function observePresent(ledger: Ledger, object: SourceState): boolean {
  if (object.state === 'present' && object.observed_kind === null) return false;
  ledger.db.run(setPresent, ledger.now(), object.id);
  note(ledger, object.id, null, 'present', `the source has version ${object.version} again`);
  return true;
}

function remember(ledger: Ledger, object: SourceState, seen: Observed): boolean {
  const version = seen.kind === 'overwritten' ? seen.version : null;
  if (object.observed_kind === seen.kind && object.observed_version === version) return false;
  const [size, modifiedAt] = seen.kind === 'overwritten' ? [seen.size, seen.modifiedAt] : [null, null];
  ledger.db.run(setObserved, seen.kind, version, size, modifiedAt, ledger.now(), object.id);
  note(ledger, object.id, null, `observed-${seen.kind}`, version === null ? '' : `the source has version ${version}`);
  return true;
}

function isCopied({ db }: Ledger, objectId: number): boolean {
  return db.get<{ readonly yes: number }>(everCopied, objectId)?.yes === 1;
}
