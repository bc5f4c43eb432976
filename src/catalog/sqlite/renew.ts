import type { ClaimToken } from '../claims.ts';
import type { Ledger } from './ledger.ts';

const sql = `update objects set lease_until = ? where id = ? and lease_token = ? and lease_until is not null`;

/** A lease that ran out while nobody else claimed is taken up again. @returns the objects whose lease is lost. */
export function renew(ledger: Ledger, claims: readonly ClaimToken[], leaseMs: number): readonly number[] {
  const until = ledger.now() + leaseMs;
  const lost = claims.filter((claim) => ledger.db.run(sql, until, claim.objectId, claim.token) === 0);
  return lost.map((claim) => claim.objectId);
}
