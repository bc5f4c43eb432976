import { keyFromBytes } from '../../objects/key.ts';
import type { OrphanClaim, OrphanRequest } from '../uploads.ts';
import { isDeletedSql } from './deleted-copies.ts';
import type { Ledger } from './ledger.ts';
import { isOverSql } from './set-back.ts';

/** A copy of the object (`kept` versions have a key of their own) is still to be made for which the upload was begun. */
const isWanted = `exists (select 1 from objects o join copies c on c.object_id = o.id and c.target_id = u.target_id
  where o.id = u.object_id and c.due_at is not null and not (${isDeletedSql}) and (o.version = u.version or o.key <> u.key))`;

const isLeased = `exists (select 1 from objects o where o.id = u.object_id and not ${isOverSql('o.lease_until', '?2')})`;

export const orphansSql = `select u.id from uploads u
  where u.target_id in (select t.id from targets t where t.name in (select value from json_each(?1)))
  and ${isOverSql('u.claimed_until', '?2')}
  and (u.given_up = 1 or (not ${isLeased} and (u.checkpoint is null or u.noted_at < ?3 or not ${isWanted})))
  order by u.id limit ?4 + 0`;

/** Nobody goes on with it from now on, also when it cannot be thrown away this time. */
export const claimOrphanSql = `update uploads set given_up = 1, claimed_until = ?, token = token + 1 where id = ?
  returning id, token, (select name from targets where id = target_id) as target, key as keyBytes, checkpoint,
  started_at as startedAt, (select count(*) from uploads other where other.target_id = uploads.target_id
  and other.key = uploads.key and other.checkpoint is null) as unanswered`;

const forgetOne = 'delete from uploads where id = ? and token = ? and claimed_until is not null';

interface Row extends Omit<OrphanClaim, 'key'> {
  readonly keyBytes: Uint8Array;
}

/** The table holds only what is under way, so that all of it may be looked at. */
export function claimOrphans(ledger: Ledger, request: OrphanRequest): readonly OrphanClaim[] {
  const { targets, limit, leaseMs, idleSince } = request;
  const now = ledger.now();
  const found = ledger.db.all<{ readonly id: number }>(orphansSql, JSON.stringify(targets), now, idleSince, limit);
  return found.flatMap(({ id }) => {
    const row = ledger.db.get<Row>(claimOrphanSql, now + leaseMs, id);
    if (row === undefined) return [];
    const { keyBytes, ...claim } = row;
    return [{ ...claim, key: keyFromBytes(keyBytes) }];
  });
}

export function forgetUploads({ db }: Ledger, claims: readonly Pick<OrphanClaim, 'id' | 'token'>[]): void {
  for (const { id, token } of claims) db.run(forgetOne, id, token);
}
