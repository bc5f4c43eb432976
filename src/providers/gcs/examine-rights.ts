import { crc32c } from '@node-rs/crc32';
import type { Key } from '../../objects/key.ts';
import type { Finding } from '../examination.ts';
import { cleaningUp, refusalCode, type Notes } from '../notes.ts';
import { canaryKey, outsideKey, type Place } from '../canaries.ts';
import type { Capabilities } from '../provider.ts';
import type { GcsClient } from './client.ts';
import { insert, remove } from './objects.ts';
import type { Resource } from './resource.ts';
import { toBase64 } from './resource.ts';
import { sendChunk, startSession } from './session.ts';

const bytes = Buffer.from('holdfast canary');

/** Of ways of writing where the probe found nothing attested: what becomes of a wrong crc32c. */
export async function examineChecksums(
  client: GcsClient,
  { attests }: Capabilities,
  place: Place,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const wrong = ((crc32c(bytes) ^ 1) >>> 0).toString(16).padStart(8, '0');
  const trials = [
    ['put-checksum', attests.put, putWrong],
    ['upload-checksum', attests.upload, uploadWrong],
  ] as const;
  for (const [question, attested, trial] of trials) {
    if (attested !== undefined) continue;
    const key = canaryKey(place);
    try {
      await notes.ask(question, async () => await judged(trial(client, key, wrong, signal), wrong));
    } finally {
      await removeCanary(client, key, notes, signal);
    }
  }
}

function putWrong(client: GcsClient, name: Key, wrong: string, signal: AbortSignal): Promise<Resource | undefined> {
  return insert(client, { name, contentType: 'text/plain', crc32c: toBase64(wrong) }, bytes, undefined, signal);
}

async function uploadWrong(
  client: GcsClient,
  name: Key,
  wrong: string,
  signal: AbortSignal,
): Promise<Resource | undefined> {
  const session = await startSession(client, { name, contentType: 'text/plain' }, bytes.length, undefined, signal);
  const progress = await sendChunk(session, 0, bytes, wrong, signal);
  return 'finished' in progress ? progress.finished : undefined;
}

async function judged(writing: Promise<Resource | undefined>, wrong: string): Promise<Finding> {
  const told = (await writing)?.checksums.crc32c;
  if (told === wrong) return { answer: 'echoed', detail: 'a wrong crc32c was taken and told back' };
  return {
    answer: 'ignored',
    detail: told === undefined ? 'a wrong crc32c was taken, and none is told' : 'a wrong crc32c was taken',
  };
}

/** What a canary shows of rights that a target does not need. */
export async function examineRights(client: GcsClient, place: Place, notes: Notes, signal: AbortSignal): Promise<void> {
  await tryDeletingVersions(client, place, notes, signal);
  notes.left(`${place.reserved}probe/order/ (empty canaries, used again the next time)`);
  const outside = outsideKey(place);
  if (outside === undefined)
    return notes.tell('write-outside', 'not-tried', 'there is no prefix: the bucket is all its own');
  try {
    await notes.tryRight('write-outside', async () => void (await write(client, outside, signal)));
  } finally {
    if (notes.answerTo('write-outside') !== 'denied') await removeCanary(client, outside, notes, signal);
  }
}

async function tryDeletingVersions(client: GcsClient, place: Place, notes: Notes, signal: AbortSignal): Promise<void> {
  if (notes.answerTo('versioning') !== 'on') {
    return notes.tell('delete-versions', 'not-tried', 'the bucket is not known to keep versions');
  }
  const key = canaryKey(place);
  await notes.tryRight('delete-versions', async () => {
    const { generation } = await write(client, key, signal);
    await remove(client, key, {}, signal);
    await remove(client, key, { generation }, signal);
  });
  if (notes.answerTo('delete-versions') !== 'allowed') await removeCanary(client, key, notes, signal);
  notes.left(`older generations of canaries below ${place.reserved}probe/, as the bucket keeps versions`);
}

function write(client: GcsClient, name: Key, signal: AbortSignal): Promise<Resource> {
  return insert(client, { name, contentType: 'text/plain' }, bytes, undefined, signal);
}

async function removeCanary(client: GcsClient, key: Key, notes: Notes, signal: AbortSignal): Promise<void> {
  const code = await refusalCode(remove(client, key, {}, cleaningUp(signal)));
  if (code !== undefined) notes.left(`${key} (a canary of ${bytes.length} bytes)`);
}
