import { keyFromBytes, keyToBytes } from '../../objects/key.ts';
import type { Key } from '../../objects/key.ts';
import type { ClaimToken } from '../claims.ts';
import type { IntendedUpload, OpenUploadRow, UploadNote } from '../uploads.ts';
import type { Ledger } from './ledger.ts';

const selectFenced = 'select policy_id from objects where id = ? and lease_token = ?';

const insert = `insert into uploads (policy_id, target_id, object_id, key, version, size, part_size, terms, started_at,
  noted_at) values (?1, (select id from targets where name = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9) returning id`;

export function intendUpload(ledger: Ledger, claim: ClaimToken, upload: IntendedUpload): number | null {
  const policyId = policyOf(ledger, claim);
  if (policyId === undefined) return null;
  const { target, key, version, size, partSize, terms } = upload;
  const values = [policyId, target, claim.objectId, keyToBytes(key), version, size, partSize, terms, ledger.now()];
  return ledger.db.get<{ readonly id: number }>(insert, ...values)?.id ?? null;
}

const noteProgress = `update uploads set checkpoint = coalesce(?2, checkpoint), parts = coalesce(?3, parts),
  prefix_sha256 = coalesce(unhex(?4), prefix_sha256), given_up = ?5, noted_at = ?6
  where id = ?1 and object_id = ?7 and given_up = 0`;

const remove = 'delete from uploads where id = ? and object_id = ?';

export function noteUploads(ledger: Ledger, claim: ClaimToken, notes: readonly UploadNote[]): boolean {
  if (policyOf(ledger, claim) === undefined) return false;
  return notes.map((note) => noteOne(ledger, claim, note)).every((known) => known);
}

function noteOne(ledger: Ledger, { objectId }: ClaimToken, { id, checkpoint, progress, end }: UploadNote): boolean {
  if (end === 'over') return ledger.db.run(remove, id, objectId) > 0;
  const how = [progress?.parts ?? null, progress?.sha256 ?? null, end === 'given-up' ? 1 : 0, ledger.now()];
  return ledger.db.run(noteProgress, id, checkpoint ?? null, ...how, objectId) > 0;
}

interface Row extends Omit<OpenUploadRow, 'key' | 'progress'> {
  readonly keyBytes: Uint8Array;
  readonly parts: number;
  readonly sha256: string;
}

export const ofObjectSql = `select u.id, t.name as target, u.key as keyBytes, u.version, u.size, u.part_size as partSize,
  u.terms, u.checkpoint, u.parts, lower(hex(u.prefix_sha256)) as sha256 from uploads u join targets t on t.id = u.target_id
  where u.object_id = ? and u.given_up = 0 order by u.id desc`;

export function uploadsOf(ledger: Ledger, { objectId }: ClaimToken): readonly OpenUploadRow[] {
  return ledger.db.all<Row>(ofObjectSql, objectId).map(({ keyBytes, parts, sha256, ...row }) => ({
    ...row,
    key: keyFromBytes(keyBytes),
    progress: parts === 0 ? null : { parts, sha256 },
  }));
}

export const dropSettledSql = 'delete from uploads where id = ? and object_id = ? and given_up = 0';

/** The copy was made of it. Whatever else was begun at the target is nobody's, and is thrown away as such. */
export function dropCompleted({ db }: Ledger, id: number, objectId: number): void {
  db.run(dropSettledSql, id, objectId);
}

export const ofKeySql = `select u.checkpoint from uploads u join targets t on t.id = u.target_id
  where t.name = ? and u.key = ? and (u.checkpoint is not null or u.given_up = 0)`;
export const ofTargetSql = `select u.checkpoint from uploads u join targets t on t.id = u.target_id
  where t.name = ? and u.checkpoint is not null`;

export function checkpointsAt({ db }: Ledger, target: string, key: Key | null): readonly (string | null)[] {
  const rows =
    key === null
      ? db.all<{ readonly checkpoint: string }>(ofTargetSql, target)
      : db.all<{ readonly checkpoint: string | null }>(ofKeySql, target, keyToBytes(key));
  return rows.map(({ checkpoint }) => checkpoint);
}

function policyOf({ db }: Ledger, { objectId, token }: ClaimToken): number | undefined {
  return db.get<{ readonly policy_id: number }>(selectFenced, objectId, token)?.policy_id;
}
