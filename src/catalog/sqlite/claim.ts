import type { Claim, ClaimRequest } from '../claims.ts';
import { dueBy, dueObjects } from './due.ts';
import type { Candidate } from './due.ts';
import type { Ledger } from './ledger.ts';
import { readObjects } from './rows.ts';

const lease = `update objects set lease_owner = ?, lease_token = lease_token + 1, lease_until = ? where id = ?
  returning lease_token`;

/**
 * Leases what is due. Runs under the write lock, so that no two claims see the same candidates.
 *
 * Reads at most `limit` index entries per policy and target and those of live leases, however many are due:
 * measured at 800,000 due copies, 100 objects with 4 copies each take 14 ms of CPU.
 */
export function claim(ledger: Ledger, request: ClaimRequest): readonly Claim[] {
  const until = ledger.now() + request.leaseMs;
  return dueObjects(ledger, request).map((candidate) => leaseOne(ledger, request, candidate, until));
}

function leaseOne(ledger: Ledger, request: ClaimRequest, candidate: Candidate, until: number): Claim {
  const row = ledger.db.get<{ readonly lease_token: number }>(lease, request.owner, until, candidate.id);
  const [object] = readObjects(ledger, { sql: 'from objects o where o.id = ?', values: [candidate.id] });
  if (row === undefined || object === undefined)
    throw new Error(`Object ${candidate.id} vanished under the write lock.`);
  const by = dueBy(request, ledger.now());
  const due = object.copies.filter((copy) => copy.dueAt !== null && copy.dueAt <= by);
  const wanted = [...request.targets, ...(request.along ?? [])];
  return {
    objectId: object.id,
    token: row.lease_token,
    policy: candidate.policy,
    source: candidate.source,
    object,
    targets: due.map((copy) => copy.target).filter((target) => wanted.includes(target)),
  };
}
