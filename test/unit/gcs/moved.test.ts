import { expect, test } from 'vitest';
import { openGcs } from '../../../src/providers/gcs/gcs.ts';
import type { StoredCopy } from '../../../src/providers/provider.ts';
import { bytesOf } from '../../support/bytes.ts';
import { calm, describedBytes, failure, openRoom, partSize, partsOf, shapeOf } from '../../support/fake-gcs/room.ts';
import type { Room } from '../../support/fake-gcs/room.ts';

const bytes = bytesOf(3 * partSize + 1_000, 'gcs upload');
const options = { ...shapeOf(bytes), precondition: { absent: true } as const };

/** Begins at `k` in the room's bucket, and goes on under another name. */
async function goOnElsewhere({ fake, provider }: Room, bucket: string, key: string): Promise<StoredCopy> {
  await provider.connect('target', calm);
  const left = await provider.startUpload('k', options, calm);
  fake.buckets.set('moved', new Map());
  await using closing = new AsyncDisposableStack();
  const now = openGcs({ name: 'gcp', bucket, endpoint: fake.endpoint });
  closing.defer(async () => await now.close());
  await now.connect('target', calm);
  const resumed = await now.resumeUpload(key, options, left.checkpoint, calm);
  if (resumed === undefined) throw new Error('It was not taken up.');
  for (const part of partsOf(bytes)) await resumed.part(part, calm);
  const { digest, record } = await describedBytes(bytes);
  return await resumed.complete(digest, record, calm);
}

test.each([
  ['bucket', 'moved', 'k'],
  ['prefix', 'copies', 'replicas/k'],
])('a session that wrote to another %s made no copy here', async (_, bucket, key) => {
  await using room = await openRoom();
  const error = await failure(goOnElsewhere(room, bucket, key), 'conflict');
  expect(error.message).toContain('"k" in bucket "copies"');
  expect(room.fake.buckets.get('moved')?.has(key)).toBe(false);
  expect(room.bucket.has('replicas/k')).toBe(false);
});
