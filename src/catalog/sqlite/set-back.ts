import { neverDue } from './deleted-copies.ts';
import type { Ledger } from './ledger.ts';
import type { Target } from './names.ts';

/** See `objects/set-back.ts`. No lease or turn lasts longer than this, in milliseconds. */
const longestLease = 24 * 3_600_000;

/** No retry waits longer than this: quarantined copies wait a day. */
const longestWait = 48 * 3_600_000;

/** Whether the lease until `column` is over, or there is none. `now`: its parameter, as `?4`. */
export function isOverSql(column: string, now: `?${number}`): string {
  return `(${column} is null or ${column} <= ${now} or ${column} > ${now} + ${longestLease})`;
}

/** The opposite, as a range of an index. */
export function isLiveSql(column: string, now: `?${number}`): string {
  return `${column} > ${now} and ${column} <= ${now} + ${longestLease}`;
}

export const callInSql = `update copies indexed by copies_due set due_at = ?1
  where policy_id = ?2 and target_id = ?3 and due_at > ?1 + ${longestWait} and due_at < ${neverDue}`;

/** Work that is due later than anything can be is due now. Looks into the index only: mostly there is none. */
export function callIn(ledger: Ledger, policyId: number, targets: readonly Target[]): void {
  for (const { id } of targets) ledger.db.run(callInSql, ledger.now(), policyId, id);
}
