import { keyToBytes } from '../../objects/key.ts';
import type { Ledger } from './ledger.ts';

export const firstAndLastSql = `select
  (select key from objects indexed by objects_key where policy_id = ?1 order by key limit 1) as first,
  (select key from objects indexed by objects_key where policy_id = ?1 order by key desc limit 1) as last`;

/**
 * The prefix, or none where every key of the policy starts with it, as is so with the policy's own prefix: then the
 * indexes that do not have the key answer. When the first and the last key start with it, so do all between.
 *
 * Measured for counts of 200,000 objects × 4 copies: 0.04 s without a prefix, 1.2 s with one.
 */
export function narrowPrefix({ db }: Ledger, policyId: number, prefix: string): string {
  if (prefix === '') return '';
  const row = db.get<{ readonly first: Uint8Array | null; readonly last: Uint8Array | null }>(
    firstAndLastSql,
    policyId,
  );
  const bytes = keyToBytes(prefix);
  return startsWith(row?.first ?? null, bytes) && startsWith(row?.last ?? null, bytes) ? '' : prefix;
}

function startsWith(key: Uint8Array | null, prefix: Uint8Array): boolean {
  return key === null || Buffer.compare(key.subarray(0, prefix.length), prefix) === 0;
}
