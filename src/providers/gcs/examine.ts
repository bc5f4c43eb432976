import type { Clock } from '../../objects/clock.ts';
import { parseObject } from '../description.ts';
import type { Finding } from '../examination.ts';
import { clockFinding, type Notes } from '../notes.ts';
import { outsideKey, type Place } from '../canaries.ts';
import type { Answer, GcsClient } from './client.ts';
import { bucketPath, call, callForJson, operation, query } from './client.ts';

/** What the bucket, and the IAM service, say when asked. */
export async function examineBucket(
  client: GcsClient,
  place: Place,
  { clock, projectId }: { readonly clock: Clock; readonly projectId: string | undefined },
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  await notes.look('same-clock', async () => {
    const asked = clock.now();
    const path = `${bucketPath(client)}/o?${query({ prefix: place.reserved, maxResults: '1', fields: 'items(name)' })}`;
    const { headers } = await get(client, path, signal);
    return clockFinding(headers.date === undefined ? undefined : Date.parse(headers.date), asked, clock.now());
  });
  await askBucket(client, notes, signal);
  await askIam(client, notes, signal);
  await notes.ask('list-buckets', async () => await listBuckets(client, projectId, signal));
  await tryListingOutside(client, place, notes, signal);
}

function get(client: GcsClient, path: string, signal: AbortSignal): Promise<Answer> {
  return call(client, { method: 'GET', path }, operation(client, 'examine'), signal);
}

/** The parts of the bucket's resource that protect objects (cloud.google.com/storage/docs/json_api/v1/buckets#resource). */
interface BucketResource {
  readonly versioning?: { readonly enabled?: boolean };
  readonly retentionPolicy?: { readonly retentionPeriod?: string; readonly isLocked?: boolean };
  readonly softDeletePolicy?: { readonly retentionDurationSeconds?: string };
}

async function askBucket(client: GcsClient, notes: Notes, signal: AbortSignal): Promise<void> {
  const fields = 'versioning,retentionPolicy,softDeletePolicy';
  let bucket: BucketResource = {};
  await notes.look('versioning', async () => {
    bucket = parseObject((await get(client, `${bucketPath(client)}?${query({ fields })}`, signal)).text) ?? {};
    return { answer: bucket.versioning?.enabled === true ? 'on' : 'off' };
  });
  if (notes.answerTo('versioning') === 'not-told') {
    for (const question of ['retention', 'soft-delete'] as const)
      notes.tell(question, 'not-told', notes.detailOf('versioning'));
    return;
  }
  const { retentionPeriod: kept, isLocked = false } = bucket.retentionPolicy ?? {};
  const locked = isLocked ? 'locked' : 'not locked: who may update the bucket can remove it';
  if (kept === undefined) notes.tell('retention', 'off');
  else notes.tell('retention', 'on', `${days(kept)}, ${locked}`);
  const { retentionDurationSeconds: soft = '0' } = bucket.softDeletePolicy ?? {};
  if (soft === '0') notes.tell('soft-delete', 'off');
  else notes.tell('soft-delete', 'on', days(soft));
}

function days(seconds: string): string {
  return `${Math.round((Number(seconds) / 86_400) * 10) / 10} days`;
}

const harmful = {
  'change-settings': ['storage.buckets.update', 'storage.buckets.delete', 'storage.buckets.setIamPolicy'],
  'shorten-retention': [
    'storage.buckets.update',
    'storage.objects.overrideUnlockedRetention',
    'storage.objects.setRetention',
  ],
  write: ['storage.objects.create', 'storage.objects.delete', 'storage.objects.update'],
} as const;

/** IAM tells exactly, and changes nothing. What is granted with a condition on a prefix it does not count here. */
async function askIam(client: GcsClient, notes: Notes, signal: AbortSignal): Promise<void> {
  const asked = [...new Set(Object.values(harmful).flat())];
  const parameters = asked.map((permission) => `permissions=${permission}`).join('&');
  let held: ReadonlySet<unknown> = new Set();
  await notes.look('change-settings', async () => {
    const path = `${bucketPath(client)}/iam/testPermissions?${parameters}`;
    const answer = await callForJson(client, { method: 'GET', path }, operation(client, 'examine'), signal);
    held = new Set(Array.isArray(answer.permissions) ? (answer.permissions as readonly unknown[]) : []);
    return heldOf(harmful['change-settings'], held);
  });
  const told = notes.answerTo('change-settings') !== 'not-told';
  const unknown: Finding = { answer: 'not-told', detail: notes.detailOf('change-settings') ?? '' };
  const shorten = told ? heldOf(harmful['shorten-retention'], held) : unknown;
  notes.tell('shorten-retention', shorten.answer, shorten.detail);
  if (!told) return;
  const write = heldOf(harmful.write, held);
  // A right that holds below a prefix only is not told here, so that its absence is no answer.
  if (write.answer === 'allowed') notes.tell('write', write.answer, write.detail);
}

function heldOf(permissions: readonly string[], held: ReadonlySet<unknown>): Finding {
  const some = permissions.filter((permission) => held.has(permission));
  return some.length === 0 ? { answer: 'denied' } : { answer: 'allowed', detail: some.join(', ') };
}

async function listBuckets(client: GcsClient, project: string | undefined, signal: AbortSignal): Promise<Finding> {
  if (project === undefined) return { answer: 'not-tried', detail: 'no projectId is configured' };
  const path = `/storage/v1/b?${query({ project, maxResults: '1', fields: 'kind' })}`;
  const { status } = await call(client, { method: 'GET', path }, operation(client, 'examine'), signal, [403]);
  return { answer: status === 403 ? 'denied' : 'allowed' };
}

/** Asks for names that only a canary has, so that no other name is seen. */
async function tryListingOutside(client: GcsClient, place: Place, notes: Notes, signal: AbortSignal): Promise<void> {
  const prefix = outsideKey(place);
  if (prefix === undefined)
    return notes.tell('list-outside', 'not-tried', 'there is no prefix: the bucket is all its own');
  const path = `${bucketPath(client)}/o?${query({ prefix, maxResults: '1', fields: 'items(name)' })}`;
  await notes.tryRight('list-outside', async () => void (await get(client, path, signal)));
}
