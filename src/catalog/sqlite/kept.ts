import { keyToBytes } from '../../objects/key.ts';
import type { Key } from '../../objects/key.ts';
import type { ExpiredClaim, ExpiredRequest, KeptVersion } from '../kept.ts';
import type { StoredCopy } from './copies.ts';
import { note } from './history.ts';
import { keptColumns, keptVersion } from './kept-rows.ts';
import type { KeptRow } from './kept-rows.ts';
import { keyRange } from './key-range.ts';
import type { KeyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import { isOverSql } from './set-back.ts';

const pageSize = 1000;

/** While it is being deleted nothing is noted: the bytes may be gone in a moment. What is kept already stays known as kept. */
const upsert = `insert into kept (policy_id, target_id, key, kept_by, place, version, size, sha256, attributes,
  source_version, modified_at, replaced_at, expires_at, evidence_method, evidence_by, evidence_at)
  values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
  on conflict (policy_id, key, target_id, kept_by, place) do update set version = coalesce(excluded.version, version),
  size = excluded.size, sha256 = excluded.sha256, attributes = excluded.attributes,
  source_version = excluded.source_version, modified_at = excluded.modified_at, replaced_at = excluded.replaced_at,
  expires_at = excluded.expires_at, evidence_method = coalesce(excluded.evidence_method, evidence_method),
  evidence_by = coalesce(excluded.evidence_by, evidence_by),
  evidence_at = coalesce(excluded.evidence_at, evidence_at), token = token + 1, claimed_until = null
  where ${isOverSql('claimed_until', '?17')}`;

const selectEvidence = `select evidence_at as at from kept where policy_id = ? and key = ? and target_id = ? and kept_by = ? and place = ?`;

export const ofKeySql = `select ${keptColumns} from kept o join targets t on t.id = o.target_id
  where o.policy_id = ? and o.key = ? and o.evidence_at is not null order by o.replaced_at desc, o.id desc`;

/** Whole keys only: a page ends after the last of one. */
export function pageOfKeysSql({ sql }: KeyRange): string {
  return `select distinct o.key from kept o where o.policy_id = ? and ${sql} order by o.key limit ${pageSize}`;
}

/** What is being replaced is kept first, and its copy may take longer than the time it is kept for. */
const isWorkedOn = `exists (select 1 from objects x where x.policy_id = o.policy_id and x.key = o.key
  and not ${isOverSql('x.lease_until', '?2')})`;

export const expiredSql = `select o.id from kept o indexed by kept_expiry
  where o.policy_id = ?1 and o.expires_at <= ?2 and ${isOverSql('o.claimed_until', '?2')} and not ${isWorkedOn}
  and o.target_id in (select value from json_each(?3)) order by o.expires_at limit ?4 + 0`;

/** What was kept since the copy was to be replaced, and is not being deleted. */
export const renewSql = `update kept set expires_at = max(expires_at, ?3 + expires_at - replaced_at)
  where target_id = ?2 and (policy_id, key) = (select policy_id, key from objects where id = ?1)
  and replaced_at >= (select pending_since from copies where object_id = ?1 and target_id = ?2)
  and ${isOverSql('claimed_until', '?3')}`;

const claimOne = 'update kept set claimed_until = ?, token = token + 1 where id = ?';
const selectOne = `select ${keptColumns} from kept o join targets t on t.id = o.target_id where o.id = ?`;
const forgetOne = 'delete from kept where id = ? and token = ? and claimed_until is not null';

export function noteKept(ledger: Ledger, policy: string, kept: KeptVersion): boolean {
  const policyId = ledger.names.policyId(policy);
  const targetId = targetIdOf(ledger, kept.target);
  const key = keyToBytes(kept.key);
  const place = placeOf(kept);
  const known = ledger.db.get<{ readonly at: number | null }>(selectEvidence, policyId, key, targetId, ...place);
  const { evidence, replacedAt, expiresAt } = kept;
  const noted = ledger.db.run(
    upsert,
    ...[policyId, targetId, key, ...place, kept.place.version],
    ...[kept.size, Buffer.from(kept.sha256, 'hex'), JSON.stringify(kept.attributes)],
    ...[kept.sourceVersion, kept.modifiedAt, replacedAt, expiresAt],
    ...[evidence?.method ?? null, evidence?.by ?? null, evidence?.at ?? null],
    ledger.now(),
  );
  if (noted > 0 && evidence !== null && (known?.at ?? null) === null) noteEvent(ledger, policyId, kept, targetId);
  return noted > 0;
}

/**
 * What a copy replaced was noted when it was about to be; the write that replaced it, or a crash, may have taken hours. Now it
 * is known to be replaced, and the time that it is kept for begins. (When it was replaced stays as noted: by that, versions of
 * one object are told apart in time.) Called before the copy is moved.
 */
export function renewReplaced(ledger: Ledger, copy: Pick<StoredCopy, 'object_id' | 'target_id'>): void {
  ledger.db.run(renewSql, copy.object_id, copy.target_id, ledger.now());
}

export function noteNotKept(ledger: Ledger, policy: string, key: Key, target: string, detail: string): void {
  const policyId = ledger.names.policyId(policy);
  const targetId = targetIdOf(ledger, target);
  const objectId = objectIdOf(ledger, policyId, key);
  if (objectId !== undefined) noteOnce(ledger, objectId, targetId, 'not-kept', detail);
}

export function keptOf(ledger: Ledger, policy: string, key: Key): readonly KeptVersion[] {
  return keptRows(ledger, ledger.names.policyId(policy), keyToBytes(key));
}

export async function* scanKept(
  ledger: Ledger,
  policy: string,
  prefix: string,
): AsyncGenerator<readonly KeptVersion[]> {
  const policyId = ledger.names.policyId(policy);
  let after: Uint8Array | undefined;
  for (;;) {
    const { keys, rows } = ledger.db.snapshot(() => readPage(ledger, policyId, keyRange(prefix, after)));
    if (rows.length > 0) yield rows;
    if (keys.length < pageSize) return;
    after = keys.at(-1);
  }
}

export function claimExpired(ledger: Ledger, request: ExpiredRequest): readonly ExpiredClaim[] {
  const { policy, targets, limit, leaseMs } = request;
  const ids = JSON.stringify(targets.map((name) => targetIdOf(ledger, name)));
  const policyId = ledger.names.policyId(policy);
  const rows = ledger.db.all<{ readonly id: number }>(expiredSql, policyId, ledger.now(), ids, limit);
  return rows.flatMap(({ id }) => {
    ledger.db.run(claimOne, ledger.now() + leaseMs, id);
    const row = ledger.db.get<KeptRow>(selectOne, id);
    return row === undefined ? [] : [{ id, token: row.token, kept: keptVersion(row) }];
  });
}

export function forgetKept(ledger: Ledger, claims: readonly Pick<ExpiredClaim, 'id' | 'token'>[]): void {
  for (const { id, token } of claims) ledger.db.run(forgetOne, id, token);
}

function readPage(ledger: Ledger, policyId: number, range: KeyRange) {
  const found = ledger.db.all<{ readonly key: Uint8Array }>(pageOfKeysSql(range), policyId, ...range.values);
  const keys = found.map(({ key }) => key);
  return { keys, rows: keys.flatMap((key) => keptRows(ledger, policyId, key)) };
}

function keptRows({ db }: Ledger, policyId: number, key: Uint8Array): KeptVersion[] {
  return db.all<KeptRow>(ofKeySql, policyId, key).map(keptVersion);
}

function placeOf({ place }: Pick<KeptVersion, 'place'>): [string, string] {
  return [place.by, place.by === 'holdfast' ? place.key : place.id];
}

function noteEvent(ledger: Ledger, policyId: number, kept: KeptVersion, targetId: number): void {
  const objectId = objectIdOf(ledger, policyId, kept.key);
  const where = kept.place.by === 'holdfast' ? `at ${kept.place.key}` : `by the provider as ${kept.place.id}`;
  if (objectId !== undefined) note(ledger, objectId, targetId, 'kept', `SHA-256 ${kept.sha256}, ${where}`);
}

/** An attempt that is made again and again tells the same. */
function noteOnce(ledger: Ledger, objectId: number, targetId: number, event: string, detail: string): void {
  const sql = 'select 1 as yes from history where object_id = ? and target_id = ? and event = ? and detail = ?';
  if (ledger.db.get(sql, objectId, targetId, event, detail) === undefined)
    note(ledger, objectId, targetId, event, detail);
}

function objectIdOf({ db }: Ledger, policyId: number, key: Key): number | undefined {
  const sql = 'select id from objects where policy_id = ? and key = ?';
  return db.get<{ readonly id: number }>(sql, policyId, keyToBytes(key))?.id;
}

/** @throws Error for a target that no policy ever had: a mistake in the program. */
function targetIdOf({ db }: Ledger, name: string): number {
  const row = db.get<{ readonly id: number }>('select id from targets where name = ?', name);
  if (row === undefined) throw new Error(`The catalog has no target "${name}".`);
  return row.id;
}
