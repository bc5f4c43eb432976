import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import type { Clock } from '../../objects/clock.ts';
import type { Key } from '../../objects/key.ts';
import { cleaningUp, refusalCode, type Notes } from '../notes.ts';
import { canaryKey, outsideKey, type Place } from '../canaries.ts';
import { hexToBase64 } from './checksums.ts';
import type { S3Connection } from './client.ts';
import { withHeaders } from './client.ts';
import type { ObjectLock } from './examine.ts';
import { lastingId } from './head.ts';
import { newCanary } from './probe-put.ts';

interface Locking {
  readonly lock: ObjectLock;
  readonly clock: Clock;
}

/** What a canary shows of rights that a target does not need. */
export async function examineRights(
  connection: S3Connection,
  place: Place,
  { clock, lock }: Locking,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  await tryDeletingVersions(connection, place, notes, signal);
  await tryShorteningRetention(connection, place, lockFor(lock, clock), notes, signal);
  await tryWritingOutside(connection, place, notes, signal);
  notes.left(`${place.reserved}probe/keys/ (canaries of a few bytes, used again the next time)`);
  if (notes.answerTo('versioning') !== 'on' && notes.answerTo('versioning') !== 'not-told') return;
  notes.left(
    `older versions and delete markers of canaries below ${place.reserved}probe/, where the bucket keeps versions`,
  );
}

async function tryDeletingVersions(
  connection: S3Connection,
  place: Place,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const key = canaryKey(place);
  let written: string | undefined;
  await notes.look('delete-versions', async () => {
    written = await putCanary(connection, key, {}, signal);
    return { answer: 'not-tried', detail: 'the bucket keeps no versions' };
  });
  const id = written;
  if (id === undefined) return await removeCanary(connection, key, notes, signal);
  await notes.tryRight('delete-versions', async () => await removeVersion(connection, key, id, {}, signal));
  if (notes.answerTo('delete-versions') !== 'allowed') await removeCanary(connection, key, notes, signal);
}

/** A canary locked in the weaker mode for a short time, if nothing locks it anyway, is deleted all the same. */
async function tryShorteningRetention(
  connection: S3Connection,
  place: Place,
  lock: Lock | undefined,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  if (lock === undefined) return notes.tell('shorten-retention', 'not-tried', 'nothing is retained');
  const key = canaryKey(place);
  await notes.tryRight('shorten-retention', async () => {
    const id = await putCanary(connection, key, lock, signal);
    if (id !== undefined) await removeVersion(connection, key, id, { BypassGovernanceRetention: true }, signal);
  });
  if (notes.answerTo('shorten-retention') !== 'allowed') await removeCanary(connection, key, notes, signal);
}

type Lock = Pick<PutObjectCommandInput, 'ObjectLockMode' | 'ObjectLockRetainUntilDate'>;

const lockedFor = 60_000;

function lockFor(lock: ObjectLock, clock: Clock): Lock | undefined {
  if (lock === 'none') return undefined;
  if (lock === 'default') return {};
  return { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: new Date(clock.now() + lockedFor) };
}

async function tryWritingOutside(
  connection: S3Connection,
  place: Place,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const key = outsideKey(place);
  if (key === undefined)
    return notes.tell('write-outside', 'not-tried', 'there is no prefix: the bucket is all its own');
  try {
    await notes.tryRight('write-outside', async () => void (await putCanary(connection, key, {}, signal)));
  } finally {
    if (notes.answerTo('write-outside') !== 'denied') await removeCanary(connection, key, notes, signal);
  }
}

/** @returns its version id, where the bucket keeps versions. Object Lock demands a checksum with every write. */
async function putCanary(
  { client, sdk, bucket, call }: S3Connection,
  key: Key,
  lock: Lock,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { bytes, md5, sha256 } = newCanary();
  const input = { Bucket: bucket, Key: key, Body: bytes, ContentMD5: hexToBase64(md5), ...lock };
  const answer = await call({ operation: 'PutObject', key }, signal, (options) =>
    client.send(new sdk.PutObjectCommand(withHeaders(input, { 'x-amz-content-sha256': sha256 })), options),
  );
  return lastingId(answer);
}

async function removeVersion(
  { client, sdk, bucket, call }: S3Connection,
  key: Key,
  id: string,
  how: { readonly BypassGovernanceRetention?: true },
  signal: AbortSignal,
): Promise<void> {
  await call({ operation: 'DeleteObject', key }, signal, (options) =>
    client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: id, ...how }), options),
  );
}

async function removeCanary(
  { client, sdk, bucket, call }: S3Connection,
  key: Key,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const removing = call({ operation: 'DeleteObject', key }, cleaningUp(signal), (options) =>
    client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }), options),
  );
  if ((await refusalCode(removing)) !== undefined) notes.left(`${key} (a canary of 64 bytes)`);
}
