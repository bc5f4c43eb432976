import type { Settlement } from '../claims.ts';
import { notePace } from './copy-pace.ts';
import { readCopies } from './copies.ts';
import { forgetVanished } from './forget.ts';
import { returnToFormer } from './former.ts';
import type { Ledger } from './ledger.ts';
import { forgetProvisional, observe, sourceStateColumns } from './observe.ts';
import { note } from './history.ts';
import { learn } from './learn.ts';
import type { LearntState } from './learn.ts';
import { applyOutcome, noteStanding } from './outcomes.ts';
import type { ObjectVersion } from '../rows.ts';
import type { SourceState } from './observe.ts';
import { rememberLater } from './past.ts';
import { oneObject } from './selection.ts';

interface LeasedObject extends SourceState, LearntState {
  readonly size: number;
  readonly lease_token: number;
}

const selectLeased = `select ${sourceStateColumns}, size, lease_token, lower(hex(sha256)) as sha256, checksums, attributes,
  source_damaged_at, provisional from objects where id = ?`;

const release = 'update objects set lease_owner = null, lease_until = null where id = ?';

/** Every settlement stands for itself: one that comes too late does not hinder the others. */
export function settle(ledger: Ledger, settlements: readonly Settlement[]): readonly boolean[] {
  return settlements.map((settlement) => settleOne(ledger, settlement));
}

function settleOne(ledger: Ledger, settlement: Settlement): boolean {
  const object = ledger.db.get<LeasedObject>(selectLeased, settlement.objectId);
  // A lease that ran out while nobody else claimed still counts: the token is the newest.
  if (object === undefined || object.lease_token !== settlement.token) return false;
  if (settlement.former !== undefined) return takeFormer(ledger, object, settlement.former);
  const applied =
    object.version === settlement.version ? applyAll(ledger, object, settlement) : moveOn(ledger, settlement);
  if (settlement.last) endLease(ledger, object, settlement);
  return applied;
}

const setFormer = `update objects as o set version = ?1, size = ?2, modified_at = ?3, ${rememberLater}, updated_at = ?4
  where id = ?5`;

/** What it was is older than what it becomes, and stands before it among the past ones already. */
const goOn = `update objects set version = ?1, size = ?2, modified_at = ?3, sha256 = null, checksums = null,
  attributes = null, provisional = null, updated_at = ?4 where id = ?5`;

/** What was proven of them was proven of another version. */
const copiesAreDue = `update copies set state = 'pending', due_at = ?1, attempts = 0, error_code = null, error_message = null,
  pending_since = coalesce(pending_since, ?1), updated_at = ?1 where object_id = ?2 and state = 'verified'`;

const isPast = `select 1 as yes from objects o, json_each(o.past) p where o.id = ? and p.value = ?`;

const selectVersion = 'select version, size, modified_at as modifiedAt from objects where id = ?';

/**
 * The row becomes what its copies say it is; what it was made from is a change that nobody has decided about. What it is, is
 * known where it went back to a version whose copies a crash left replaced by those of a later one.
 */
function takeFormer(ledger: Ledger, object: LeasedObject, former: ObjectVersion): boolean {
  const present = ledger.db.get<ObjectVersion>(selectVersion, object.id);
  const known = object.sha256 !== null && object.sha256 !== '';
  if (present === undefined || object.observed_kind !== null) return false;
  if (known && !mayGoOn(ledger, object, former)) return false;
  const now = ledger.now();
  ledger.db.run(known ? goOn : setFormer, former.version, former.size, former.modifiedAt, now, object.id);
  if (known) ledger.db.run(copiesAreDue, now, object.id);
  note(ledger, object.id, null, 'former', `its copies say that it is version ${former.version}`);
  if (object.state !== 'gone')
    observe(ledger, { ...object, version: former.version }, { kind: 'overwritten', ...present });
  return true;
}

function mayGoOn({ db }: Ledger, { id, state }: LeasedObject, { version }: ObjectVersion): boolean {
  return state === 'gone' && db.get(isPast, id, version) !== undefined;
}

/** What vanished while it was worked on, and nothing came of the work, is known to nobody any more. */
function endLease(ledger: Ledger, object: LeasedObject, { observed }: Settlement): void {
  ledger.db.run(release, object.id);
  const hasVanished = object.observed_kind === 'vanished' || observed?.kind === 'vanished';
  if (hasVanished) forgetVanished(ledger, oneObject(object.id));
  if (object.state === 'gone') returnToFormer(ledger, oneObject(object.id));
}

function applyAll(ledger: Ledger, object: LeasedObject, settlement: Settlement): boolean {
  const { applied: learnt, sha256 } = learn(ledger, object, settlement.learnt);
  const copies = readCopies(ledger, object.id);
  let applied = learnt;
  for (const outcome of settlement.copies) {
    const copy = copies.get(outcome.target);
    // A target that has left the policy: nothing is kept about it.
    if (copy !== undefined && !applyOutcome(ledger, copy, outcome, sha256)) applied = false;
  }
  notePace(ledger, object, settlement.copies);
  // The source had it again before the copies were done agreeing.
  if (settlement.learnt?.provisional === true && object.state === 'present') forgetProvisional(ledger, object.id);
  if (settlement.observed !== undefined) observe(ledger, object, settlement.observed);
  return applied;
}

/** The object became another version, whose copies are due already. What was written stands there all the same. */
function moveOn(ledger: Ledger, settlement: Settlement): false {
  const copies = readCopies(ledger, settlement.objectId);
  for (const outcome of settlement.copies) {
    const copy = copies.get(outcome.target);
    if (copy !== undefined && outcome.state === 'verified')
      noteStanding(ledger, copy, outcome.version, outcome.evidence);
  }
  return false;
}
