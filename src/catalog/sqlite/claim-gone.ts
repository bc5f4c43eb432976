import type { GoneClaim, GoneCounts, GoneRange, GoneRequest } from '../deletions.ts';
import type { ObjectRow } from '../rows.ts';
import { isDeletedSql } from './deleted-copies.ts';
import type { Ledger } from './ledger.ts';
import { readObjects } from './rows.ts';
import { isOverSql } from './set-back.ts';
import { fact } from './tally.ts';

interface GoneRow {
  readonly id: number;
  readonly gone: number;
}

const lease = `update objects set lease_owner = ?, lease_token = lease_token + 1, lease_until = ? where id = ?
  returning lease_token`;

const gone = `o.policy_id = ?1 and o.state = 'gone' and o.observed_kind is null and o.rejected_kind is null`;

/** ?2 until, ?3 and ?4 the place to go on after, ?5 now, ?6 the targets' ids as JSON, ?7 limit. */
export const claimGoneSql = `select o.id, o.gone_at as gone from objects o indexed by objects_gone
  where ${gone} and o.gone_at <= ?2 and (o.gone_at, o.id) > (?3, ?4) and ${isOverSql('o.lease_until', '?5')}
  and (not exists (select 1 from copies c where c.object_id = o.id and not (${isDeletedSql}))
    or exists (select 1 from copies c where c.object_id = o.id and not (${isDeletedSql})
      and (c.version is null or c.target_id in (select value from json_each(?6)))))
  order by o.gone_at, o.id limit ?7 + 0`;

export const countGoneSql = `select count(*) as objects, count(distinct o.gone_at) as decisions, min(o.gone_at) as oldestAt
  from objects o indexed by objects_gone where ${gone} and o.gone_at > ?2 and o.gone_at <= ?3`;

export const countGoneCopiesSql = `select count(*) as copies
  from objects o indexed by objects_gone cross join copies c on c.object_id = o.id
  where ${gone} and o.gone_at > ?2 and o.gone_at <= ?3 and c.version is not null`;

/** Runs under the write lock, as `claim` does: an object has one lease, whatever it is for. */
export function claimGone(ledger: Ledger, request: GoneRequest): readonly GoneClaim[] {
  const { policy, until, after, limit } = request;
  const policyId = ledger.names.policyId(policy);
  const targets = ledger.names.targetsOf(policyId).filter(({ name }) => request.targets.includes(name));
  const ids = JSON.stringify(targets.map(({ id }) => id));
  const place = [after?.goneAt ?? -1, after?.objectId ?? -1] as const;
  const rows = ledger.db.all<GoneRow>(claimGoneSql, policyId, until, ...place, ledger.now(), ids, limit);
  return rows.map((row) => leaseOne(ledger, request, row));
}

function leaseOne(ledger: Ledger, { owner, leaseMs }: GoneRequest, { id, gone: goneAt }: GoneRow): GoneClaim {
  const row = ledger.db.get<{ readonly lease_token: number }>(lease, owner, ledger.now() + leaseMs, id);
  const [object] = readObjects(ledger, { sql: 'from objects o where o.id = ?', values: [id] });
  if (row === undefined || object === undefined) throw new Error(`Object ${id} vanished under the write lock.`);
  return { objectId: id, token: row.lease_token, object, goneAt };
}

const notAsKnown = fact.gone | fact.vanished | fact.overwritten | fact.misread | fact.rejected;

/** One that nothing was observed of. */
export const anyPresentSql = `from objects o where o.id = (select t.object_id from tallies g
  cross join tallied t indexed by tallied_newest on t.policy_id = g.policy_id and t.copies = g.copies and t.facts = g.facts
  where g.policy_id = ? and g.facts & ${notAsKnown} = 0 limit 1)`;

export function anyPresent(ledger: Ledger, policy: string): ObjectRow | undefined {
  return readObjects(ledger, { sql: anyPresentSql, values: [ledger.names.policyId(policy)] })[0];
}

export function countGone(ledger: Ledger, policy: string, range: GoneRange): GoneCounts {
  const row = ledger.db.get<GoneCounts>(countGoneSql, ...valuesOf(ledger, policy, range));
  return { objects: 0, decisions: 0, oldestAt: null, ...row };
}

export function countGoneCopies(ledger: Ledger, policy: string, range: GoneRange): number {
  const row = ledger.db.get<{ readonly copies: number }>(countGoneCopiesSql, ...valuesOf(ledger, policy, range));
  return row?.copies ?? 0;
}

function valuesOf({ names }: Ledger, policy: string, { after, until }: GoneRange): [number, number, number] {
  return [names.policyId(policy), after ?? -1, until ?? Number.MAX_SAFE_INTEGER];
}
