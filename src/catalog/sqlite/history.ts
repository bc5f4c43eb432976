import type { Ledger } from './ledger.ts';

const sql = 'insert into history (object_id, target_id, at, event, detail) values (?, ?, ?, ?, ?)';

/** Notes what happened to an object (`targetId` null) or to one of its copies. */
export function note(ledger: Ledger, objectId: number, targetId: number | null, event: string, detail: string): void {
  ledger.db.run(sql, objectId, targetId, ledger.now(), event, detail);
}
