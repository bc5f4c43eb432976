import { expect, test } from 'vitest';
import { bytesOf } from '../../support/bytes.ts';
import type { FakeS3 } from '../../support/fake-s3/fake-s3.ts';
import { calm, connectedS3Room, openS3Room, put } from '../../support/s3-room.ts';

const bytes = bytesOf(1_000);

/** Which way each request since the last look went: only the SDK's middleware numbers its requests. */
function ways(fake: FakeS3): readonly string[] {
  const went = fake.requests.map(({ headers }) => ('amz-sdk-invocation-id' in headers ? 'ordinary' : 'shortcut'));
  fake.forgetRequests();
  return went;
}

test('an object is put and read past the middleware once a command has succeeded', async () => {
  await using room = await openS3Room();
  await put(room.provider, 'x', bytes);
  expect(ways(room.fake)).toEqual(['ordinary']);
  await put(room.provider, 'x', bytes);
  await using reader = await room.provider.read('x', {}, calm);
  expect(Buffer.concat(await Array.fromAsync(reader.body))).toEqual(bytes);
  expect(ways(room.fake)).toEqual(['shortcut', 'shortcut']);
});

test('after a refusal the middleware is asked again, which sets the clock right', async () => {
  await using room = await connectedS3Room();
  room.fake.inject({ fault: { status: 403, code: 'RequestTimeTooSkewed' }, match: { nth: 1 } });
  await expect(put(room.provider, 'x', bytes)).rejects.toMatchObject({ code: 'denied' });
  await put(room.provider, 'x', bytes);
  await put(room.provider, 'x', bytes);
  expect(ways(room.fake)).toEqual(['shortcut', 'ordinary', 'shortcut']);
});

test('an answer with an expiry that is no date is read all the same', async () => {
  await using room = await connectedS3Room();
  room.fake.place('x', bytes).headers['expires'] = 'soon';
  expect(await room.provider.head('x', calm)).toMatchObject({ size: 1_000 });
  expect(ways(room.fake)).toEqual(['shortcut']);
});
