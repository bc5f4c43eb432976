import type { DeletionOutcome, DeletionSettlement, DeletionVerdict } from '../deletions.ts';
import { moveCopy, readCopy } from './copies.ts';
import { buryCopy, copiesLeft } from './deleted-copies.ts';
import { note } from './history.ts';
import type { Ledger } from './ledger.ts';
import { observe, sourceStateColumns } from './observe.ts';
import type { SourceState } from './observe.ts';
import { missingMove } from './record-copy.ts';

interface LeasedObject extends SourceState {
  readonly lease_token: number;
}

const select = `select ${sourceStateColumns}, lease_token from objects where id = ?`;
const release = 'update objects set lease_owner = null, lease_until = null where id = ?';

export function settleDeletions(
  ledger: Ledger,
  settlements: readonly DeletionSettlement[],
): readonly DeletionVerdict[] {
  return settlements.map((settlement) => settleOne(ledger, settlement));
}

/** What was done at the targets is a fact, whoever holds the lease now; what the source was seen to have may be out of date. */
function settleOne(ledger: Ledger, { objectId, token, observed, copies }: DeletionSettlement): DeletionVerdict {
  const object = ledger.db.get<LeasedObject>(select, objectId);
  if (object === undefined) return 'stale';
  for (const copy of copies) apply(ledger, object, copy);
  if (object.lease_token !== token) return 'stale';
  ledger.db.run(release, objectId);
  if (observed !== undefined) observe(ledger, object, observed);
  else if (object.state === 'gone' && object.observed_kind === null && copiesLeft(ledger, objectId) === 0) {
    ledger.db.run('delete from objects where id = ?', objectId);
    return 'forgotten';
  }
  return 'applied';
}

function apply(ledger: Ledger, object: LeasedObject, { target, outcome, version, detail }: DeletionOutcome): void {
  const copy = readCopy(ledger, object.id, target);
  if (copy === undefined || copy.version !== version) return;
  if (version !== null) note(ledger, object.id, copy.target_id, outcome, detail);
  if (object.state === 'gone') buryCopy(ledger, copy);
  else if (version !== null) moveCopy(ledger, copy, missingMove(ledger, copy));
}
