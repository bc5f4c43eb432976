import type { Clock } from '../../objects/clock.ts';
import { ProviderError } from '../../objects/errors.ts';
import type { Finding } from '../examination.ts';
import { clockFinding, type Notes } from '../notes.ts';
import { outsideKey, type Place } from '../canaries.ts';
import type { S3Connection } from './client.ts';

/** What can be asked of the bucket and the account without writing anything. */
export async function examineBucket(
  connection: S3Connection,
  place: Place,
  clock: Clock,
  notes: Notes,
  signal: AbortSignal,
): Promise<ObjectLock> {
  await notes.look('same-clock', async () => await compareClocks(connection, place, clock, signal));
  await notes.look('versioning', async () => await versioning(connection, signal));
  let lock: ObjectLock = 'none';
  await notes.look('retention', async () => {
    const { kind, ...finding } = await retention(connection, signal);
    lock = kind;
    return finding;
  });
  await notes.tryRight('list-buckets', async () => await listBuckets(connection, signal));
  await tryListingOutside(connection, place, notes, signal);
  notes.tell('change-settings', 'not-tried', 'trying it would change the bucket; the policy document denies it');
  return lock;
}

/** Of what is written: nothing is locked; what its writer says, and Holdfast says nothing; everything. */
export type ObjectLock = 'none' | 'on-demand' | 'default';

/** The date of an answer; the SDK shows headers to middleware only. */
async function compareClocks(
  { client, sdk, bucket, call }: S3Connection,
  { reserved }: Place,
  clock: Clock,
  signal: AbortSignal,
): Promise<Finding> {
  const command = new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: reserved, MaxKeys: 1 });
  let date: string | undefined;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      date = (result.response as { readonly headers?: Readonly<Record<string, string>> }).headers?.['date'];
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'holdfastDateOfAnswer' },
  );
  const asked = clock.now();
  await call({ operation: 'ListObjectsV2' }, signal, (options) => client.send(command, options));
  return clockFinding(date === undefined ? undefined : Date.parse(date), asked, clock.now());
}

async function versioning({ client, sdk, bucket, call }: S3Connection, signal: AbortSignal): Promise<Finding> {
  const { Status } = await call({ operation: 'GetBucketVersioning' }, signal, (options) =>
    client.send(new sdk.GetBucketVersioningCommand({ Bucket: bucket }), options),
  );
  if (Status === 'Enabled') return { answer: 'on' };
  return { answer: 'off', ...(Status === 'Suspended' && { detail: 'suspended' }) };
}

async function retention(
  { client, sdk, bucket, call }: S3Connection,
  signal: AbortSignal,
): Promise<Finding & { readonly kind: ObjectLock }> {
  try {
    const { ObjectLockConfiguration: lock } = await call(
      { operation: 'GetObjectLockConfiguration' },
      signal,
      (options) => client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket: bucket }), options),
    );
    if (lock?.ObjectLockEnabled !== 'Enabled') return noObjectLock;
    const { Mode, Days, Years } = lock.Rule?.DefaultRetention ?? {};
    if (Mode === undefined)
      return { kind: 'on-demand', answer: 'off', detail: 'Object Lock, without a default retention' };
    return {
      kind: 'default',
      answer: 'on',
      detail: `${Mode}, ${Days === undefined ? `${Years} years` : `${Days} days`}`,
    };
  } catch (error) {
    if (nameOfCause(error) === 'ObjectLockConfigurationNotFoundError') return noObjectLock;
    throw error;
  }
}

const noObjectLock = { kind: 'none', answer: 'off', detail: 'the bucket has no Object Lock' } as const;

/** The SDK's error stays the cause of ours; its name is what S3 calls it. */
function nameOfCause(error: unknown): string | undefined {
  return error instanceof ProviderError && error.cause instanceof Error ? error.cause.name : undefined;
}

async function listBuckets({ client, sdk, call }: S3Connection, signal: AbortSignal): Promise<void> {
  await call({ operation: 'ListBuckets' }, signal, (options) =>
    client.send(new sdk.ListBucketsCommand({ MaxBuckets: 1 }), options),
  );
}

/** Asks for names that only a canary has, so that no other name is seen. */
async function tryListingOutside(
  { client, sdk, bucket, call }: S3Connection,
  place: Place,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const key = outsideKey(place);
  if (key === undefined)
    return notes.tell('list-outside', 'not-tried', 'there is no prefix: the bucket is all its own');
  await notes.tryRight('list-outside', async () => {
    await call({ operation: 'ListObjectsV2' }, signal, (options) =>
      client.send(new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: key, MaxKeys: 1 }), options),
    );
  });
}
