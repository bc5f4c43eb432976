import { expect, test } from 'vitest';
import { bytesOf } from '../../support/bytes.ts';
import {
  calm,
  connectedS3Room,
  finish,
  listed,
  openS3Room,
  put,
  putOptions,
  sendParts,
} from '../../support/s3-room.ts';

const descriptions = '.holdfast/descriptions/';

test('the description of an upload goes with it', async () => {
  await using room = await connectedS3Room();
  const bytes = bytesOf(100);
  const { version } = await finish(await sendParts(room.provider, 'large', bytes), bytes);
  expect(await listed(room.provider, descriptions)).toHaveLength(1);
  await expect(room.provider.delete('large', { precondition: { version: 'other' } }, calm)).rejects.toMatchObject({
    code: 'conflict',
  });
  expect(await listed(room.provider, descriptions)).toHaveLength(1);
  await room.provider.delete('large', { precondition: { version } }, calm);
  expect(await listed(room.provider)).toEqual([]);
  expect(await listed(room.provider, descriptions)).toEqual([]);
});

test('a description that other copies may share stays', async () => {
  await using room = await connectedS3Room();
  const attributes = { metadata: { 'x y': '1' } };
  const bytes = bytesOf(10);
  const options = { ...(await putOptions(bytes)), attributes };
  const { version } = await room.provider.put('a', bytes, options, calm);
  await room.provider.put('b', bytes, options, calm);
  await room.provider.delete('a', { precondition: { version } }, calm);
  expect((await room.provider.head('b', calm)).attributes).toEqual(attributes);
});

test('a description that cannot be deleted does not keep the object', async () => {
  await using room = await connectedS3Room();
  const bytes = bytesOf(100);
  const { version } = await finish(await sendParts(room.provider, 'large', bytes), bytes);
  const match = { method: 'DELETE', keyPattern: /descriptions/ };
  room.fake.inject({ match, fault: { status: 403, code: 'AccessDenied' } });
  await room.provider.delete('large', { precondition: { version } }, calm);
  expect(await listed(room.provider)).toEqual([]);
});

test('whether deletes are conditional is probed', async () => {
  await using room = await openS3Room();
  expect((await room.provider.connect('target', calm)).conditionalDeletes).toBe(true);
  await using careless = await openS3Room();
  careless.fake.inject({ match: { operation: 'DeleteObject' }, fault: 'ignore-preconditions' });
  expect(await careless.provider.connect('target', calm)).toMatchObject({
    ...{ conditionalWrites: true, conditionalDeletes: false },
  });
  expect(await listed(careless.provider, '.holdfast/probe/')).toHaveLength(12);
  await using forbidden = await openS3Room();
  forbidden.fake.inject({ match: { method: 'DELETE' }, fault: { status: 403, code: 'AccessDenied' } });
  expect((await forbidden.provider.connect('target', calm)).conditionalDeletes).toBe(false);
  await put(forbidden.provider, 'a', 'x');
});
