import type { Ledger } from './ledger.ts';

/**
 * Whether something learnt at `asOf` is newer than the row, which last changed at `updatedAt`. In the same millisecond
 * it is not. A row that changed later than now was changed under a clock that was ahead and has been set right since:
 * waiting until then might leave it unseen for years.
 */
export function isNewer(ledger: Ledger, asOf: number, updatedAt: number): boolean {
  return updatedAt < asOf || updatedAt > ledger.now();
}
