import { expect, test } from 'vitest';
import { bytesOf } from '../../support/bytes.ts';
import { calm, describedBytes, failure, keysIn, openRoom, partsOf, shapeOf } from '../../support/fake-gcs/room.ts';

const descriptions = '.holdfast/descriptions/';
const bytes = bytesOf(1_000);

test('the description of an upload goes with its generation, and stays with another', async () => {
  await using room = await openRoom();
  await room.provider.connect('target', calm);
  const upload = await room.provider.startUpload('large', shapeOf(bytes), calm);
  for (const part of partsOf(bytes)) await upload.part(part, calm);
  const { digest, record } = await describedBytes(bytes);
  const { version } = await upload.complete(digest, record, calm);
  expect(await keysIn(room.provider, descriptions)).toHaveLength(1);
  await failure(room.provider.delete('large', { precondition: { version: '12345' } }, calm), 'conflict');
  expect(await keysIn(room.provider, descriptions)).toHaveLength(1);
  await room.provider.delete('large', { precondition: { version } }, calm);
  expect([await keysIn(room.provider), await keysIn(room.provider, descriptions)]).toEqual([[], []]);
  await room.provider.delete('large', { precondition: { version } }, calm);
});

test('a description that other copies may share stays', async () => {
  await using room = await openRoom();
  const attributes = { metadata: { 'x y': '1' } };
  const options = { attributes, ...(await describedBytes(bytes)) };
  const { version } = await room.provider.put('a', bytes, options, calm);
  await room.provider.put('b', bytes, options, calm);
  await room.provider.delete('a', { precondition: { version } }, calm);
  expect((await room.provider.head('b', calm)).attributes).toEqual(attributes);
});

test('whether deletes are conditional is probed', async () => {
  await using room = await openRoom();
  expect((await room.provider.connect('target', calm)).conditionalDeletes).toBe(true);
  for (const fault of ['ignore-preconditions', 'denied'] as const) {
    await using other = await openRoom();
    other.fake.faults.add({ match: { operation: 'object.delete' }, fault });
    expect(await other.provider.connect('target', calm)).toMatchObject({
      ...{ conditionalWrites: true, conditionalDeletes: false },
    });
  }
});
