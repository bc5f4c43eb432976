import { randomUUID } from 'node:crypto';
import type { BlobUploadCommonResponse } from '@azure/storage-blob';
import type { Key } from '../../objects/key.ts';
import type { Finding } from '../examination.ts';
import { cleaningUp, refusalCode, type Notes } from '../notes.ts';
import { canaryKey, outsideKey, type Place } from '../canaries.ts';
import type { Capabilities } from '../provider.ts';
import type { EchoedChecksum } from './checksums.ts';
import { echoed, sent } from './checksums.ts';
import type { Connection } from './connection.ts';

const bytes = Buffer.from('123456789');
const wrong = { md5: '25f9e794323b453885f5181f1b624d0a' };
const options = sent('md5', wrong);

/** Of ways of writing where the probe found nothing attested: what becomes of a wrong MD5. */
export async function examineChecksums(
  connection: Connection,
  { attests }: Capabilities,
  place: Place,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const key = canaryKey(place);
  const blob = connection.blob(key, 'examine');
  const id = Buffer.from(randomUUID() + '0'.repeat(12)).toString('base64');
  const sending = { ...options, abortSignal: signal };
  const trials = [
    ['put-checksum', attests.put, () => blob.upload(bytes, bytes.length, sending)],
    ['upload-checksum', attests.upload, () => blob.stageBlock(id, bytes, bytes.length, sending)],
  ] as const;
  for (const [question, attested, trial] of trials) {
    if (attested === undefined) await notes.ask(question, async () => await judged(connection, key, trial, signal));
  }
  if (attests.put === undefined || attests.upload === undefined) await removeCanary(connection, key, notes, signal);
}

async function judged(
  { attempt }: Connection,
  key: Key,
  trial: () => Promise<EchoedChecksum>,
  signal: AbortSignal,
): Promise<Finding> {
  let answer: EchoedChecksum = {};
  const code = await refusalCode(attempt({ verb: 'examine', key }, async () => void (answer = await trial()), signal));
  if (code === 'checksum-mismatch') {
    return { answer: 'ignored', detail: 'a wrong one is refused, but a right one is not told back' };
  }
  if (code !== undefined) return { answer: 'not-told', detail: `a write with a checksum is refused (${code})` };
  const told = echoed('md5', wrong, answer) === 'equal';
  return told
    ? { answer: 'echoed', detail: 'a wrong MD5 was taken and told back' }
    : { answer: 'ignored', detail: 'a wrong MD5 was taken' };
}

/** What a canary shows of versions, and of rights that a target does not need. */
export async function examineRights(
  connection: Connection,
  place: Place,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  await tryDeletingVersions(connection, place, notes, signal);
  notes.left(`${place.reserved}probe/order/ (empty canaries, used again the next time)`);
  const outside = outsideKey(place);
  if (outside === undefined) {
    return notes.tell('write-outside', 'not-tried', 'there is no prefix: the container is all its own');
  }
  try {
    await notes.tryRight('write-outside', async () => void (await write(connection, outside, signal)));
  } finally {
    if (notes.answerTo('write-outside') !== 'denied') await removeCanary(connection, outside, notes, signal);
  }
}

/** Azure names a version in the answer to a write only where blob versioning is on. */
async function tryDeletingVersions(
  connection: Connection,
  place: Place,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const key = canaryKey(place);
  let first: string | undefined;
  await notes.look('versioning', async () => {
    first = (await write(connection, key, signal)).versionId;
    return { answer: first === undefined ? 'off' : 'on' };
  });
  const version = first;
  if (version === undefined) {
    if (notes.answerTo('delete-versions') === undefined) {
      notes.tell('delete-versions', 'not-tried', 'the container keeps no versions');
    }
  } else {
    const old = connection.blob(key, 'examine').withVersion(version);
    const remove = () => old.delete({ abortSignal: signal });
    await notes.tryRight('delete-versions', async () => {
      await write(connection, key, signal);
      await connection.attempt({ verb: 'delete a version of', key }, remove, signal);
    });
    notes.left(`older versions of canaries below ${place.reserved}probe/, as the container keeps versions`);
  }
  await removeCanary(connection, key, notes, signal);
}

async function write(connection: Connection, key: Key, signal: AbortSignal): Promise<BlobUploadCommonResponse> {
  const upload = () => connection.blob(key, 'examine').upload(bytes, bytes.length, { abortSignal: signal });
  return await connection.attempt({ verb: 'examine', key }, upload, signal);
}

async function removeCanary(connection: Connection, key: Key, notes: Notes, signal: AbortSignal): Promise<void> {
  const calm = cleaningUp(signal);
  const remove = () => connection.blob(key, 'clean up').deleteIfExists({ abortSignal: calm });
  const code = await refusalCode(connection.attempt({ verb: 'clean up', key }, remove, calm));
  if (code !== undefined) notes.left(`${key} (a canary of ${bytes.length} bytes)`);
}
