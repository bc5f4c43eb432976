import type { StoredCopy } from './copies.ts';
import type { Ledger } from './ledger.ts';

/**
 * The copy `c` was deleted after its object went. Its row stays as long as the object's, so that every object keeps one
 * row per target; `pending_since` is null only in it and in verified copies, which are never due. One row fewer would
 * count as one verified copy more (see `counts.ts`).
 */
export const isDeletedSql = 'c.pending_since is null and c.due_at is not null';

/** When a deleted copy is due: after the last moment that a date can name (8.64e15). */
export const neverDue = 9e15;

const bury = `update copies set state = 'pending', version = null, due_at = ${neverDue}, attempts = 0, error_code = null,
  error_message = null, pending_since = null, updated_at = ? where object_id = ? and target_id = ?`;

const unearth = `update copies as c set due_at = ?1, pending_since = ?1, updated_at = ?1
  where c.object_id = ?2 and ${isDeletedSql}`;

const countLeft = `select count(*) as n from copies c where c.object_id = ? and not (${isDeletedSql})`;

export function buryCopy(ledger: Ledger, copy: StoredCopy): void {
  ledger.untallied.add(copy.object_id);
  ledger.db.run(bury, ledger.now(), copy.object_id, copy.target_id);
}

/** The object is there again: what was deleted of it is to be copied anew. */
export function unearthCopies(ledger: Ledger, objectId: number): void {
  ledger.untallied.add(objectId);
  ledger.db.run(unearth, ledger.now(), objectId);
}

export function copiesLeft({ db }: Ledger, objectId: number): number {
  return db.get<{ readonly n: number }>(countLeft, objectId)?.n ?? 0;
}
