import type { Ledger } from './ledger.ts';
import type { Selection } from './selection.ts';
import { isOverSql } from './set-back.ts';

/** A target holds, or once held, something of the object `o`. */
export const everHeldSql = `exists (select 1 from copies c where c.object_id = o.id
  and (c.version is not null or c.evidence_at is not null))`;

export function wasEverHeld({ db }: Ledger, objectId: number): boolean {
  const sql = `select ${everHeldSql} as yes from objects o where o.id = ?`;
  return db.get<{ readonly yes: number }>(sql, objectId)?.yes === 1;
}

/**
 * Forgets what vanished before anything of it was copied: nothing is lost with it, and a temporary file that came and
 * went must not count as lost for ever. While somebody works on it, it waits: they may have read it in time.
 * @returns how many objects.
 */
export function forgetVanished(ledger: Ledger, selection: Selection): number {
  return ledger.db.run(forgetSql(selection), ledger.now(), ...selection.values);
}

/** Copies and history go with the row (`on delete cascade`). */
export function forgetSql({ from, where }: Selection): string {
  return `delete from ${from} where ${isOverSql('o.lease_until', '?1')} and ${where} and o.observed_kind = 'vanished'
    and not ${everHeldSql}`;
}
