import { describe, expect, test } from 'vitest';
import type { Provider, ReadOptions } from '../../../src/providers/provider.ts';
import { bytesOf } from '../../support/bytes.ts';
import { digestOf } from '../../support/digest.ts';
import type { Fault } from '../../support/fake-s3/fake-s3.ts';
import { calm, connectedS3Room, finish, openS3Room, put, sendParts } from '../../support/s3-room.ts';

const bytes = bytesOf(300_000);

async function readAll(provider: Provider, options: ReadOptions = {}): Promise<Buffer> {
  await using reader = await provider.read('x', options, calm);
  const chunks: Uint8Array[] = [];
  for await (const chunk of reader.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('read', () => {
  test('of a body that ends early says how much came', async () => {
    await using room = await connectedS3Room();
    room.fake.place('x', bytes);
    room.fake.inject({ match: { method: 'GET' }, fault: 'truncate-read' });
    const reading = readAll(room.provider);
    await expect(reading).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/ended after 299999 of 300000 bytes/),
    });
  });

  test('by a reader slower than the longest silence goes on', async () => {
    await using room = await openS3Room({ timeouts: { idleMs: 300 } });
    const big = bytesOf(30_000_000, 'slow reader');
    room.fake.place('x', big);
    await using reader = await room.provider.read('x', {}, calm);
    const chunks: Uint8Array[] = [];
    for await (const chunk of reader.body) {
      if (chunks.length === 0) await new Promise((resolve) => setTimeout(resolve, 1_000));
      chunks.push(chunk);
    }
    expect(Buffer.concat(chunks).equals(big)).toBe(true);
  });

  test('passes on what the server sent: a flipped bit is for the reader to find', async () => {
    await using room = await connectedS3Room();
    room.fake.place('x', bytes);
    room.fake.inject({ fault: 'flip-bit-read' });
    const got = await readAll(room.provider);
    expect(got).toHaveLength(bytes.length);
    expect(got.equals(bytes)).toBe(false);
  });

  test.each<[Fault, string]>([
    ['stall', 'unavailable'],
    ['stall-read', 'unavailable'],
    ['drop-connection', 'unavailable'],
    ['slow-down', 'throttled'],
    ['no-etag', 'invalid'],
    [{ status: 403, code: 'InvalidObjectState' }, 'unsupported'],
  ])('with %j is %s', async (fault, code) => {
    await using room = await openS3Room({ timeouts: { idleMs: 300 } });
    room.fake.place('x', bytes);
    room.fake.inject({ match: { method: 'GET' }, fault });
    await expect(readAll(room.provider)).rejects.toMatchObject({ code, key: 'x' });
  });

  test('of a version, from a server that ignores If-Match, is a conflict all the same', async () => {
    await using room = await connectedS3Room();
    room.fake.place('x', bytes);
    room.fake.inject({ fault: 'ignore-preconditions' });
    await expect(readAll(room.provider, { version: 'another' })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('from a byte on, from a server that ignores ranges, does not take the wrong bytes', async () => {
    await using room = await connectedS3Room();
    room.fake.place('x', bytes);
    room.fake.inject({ fault: 'ignore-range' });
    for (const range of [{ from: 5 }, { from: 5, to: 10 }, { to: 10 }]) {
      await expect(readAll(room.provider, range)).rejects.toMatchObject({ code: 'unsupported' });
    }
  });

  test('of a range, from a server that answers with another one, does not take the wrong bytes', async () => {
    await using room = await connectedS3Room();
    room.fake.place('x', bytes);
    room.fake.inject({ fault: 'shift-range' });
    for (const range of [{ from: 5 }, { from: 5, to: 10 }, { to: 10 }]) {
      const message = expect.stringMatching(/was answered with "bytes/) as string;
      await expect(readAll(room.provider, range)).rejects.toMatchObject({ code: 'invalid', message });
    }
  });

  test('of the first range tells the checksum of the object, and no range takes its own for that', async () => {
    await using room = await openS3Room();
    await put(room.provider, 'x', bytes);
    const { crc64nvme } = await digestOf(bytes);
    await using first = await room.provider.read('x', { to: 100 }, calm);
    expect(first.head.checksums).toEqual({ crc64nvme });
    room.fake.inject({ match: { method: 'GET' }, fault: 'echo-another-checksum' });
    await using second = await room.provider.read('x', { from: 100, to: 200 }, calm);
    expect(second.head).not.toHaveProperty('checksums');
  });

  test('of an object that is replaced before the first range is asked for its checksum is a conflict', async () => {
    await using room = await connectedS3Room();
    room.fake.place('x', bytes);
    room.fake.inject({ match: { method: 'HEAD' }, fault: 'another-etag' });
    await expect(readAll(room.provider, { to: 100 })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('left unread closes its connection, and others go on', async () => {
    await using room = await connectedS3Room();
    room.fake.place('x', bytesOf(20_000_000));
    for (let round = 0; round < 3; round += 1) {
      await using _ = await room.provider.read('x', {}, calm);
    }
    await expect.poll(() => room.fake.openBodies).toBe(0);
    expect((await room.provider.head('x', calm)).size).toBe(20_000_000);
  });

  test('carries the checksum of the object for the reader to compare', async () => {
    await using room = await openS3Room();
    await put(room.provider, 'x', bytes);
    await using reader = await room.provider.read('x', {}, calm);
    const { crc64nvme } = await digestOf(bytes);
    expect(reader.head.checksums).toEqual({ crc64nvme });
  });
});

describe('head', () => {
  test('reports of a probed server only what it was seen to check', async () => {
    await using room = await connectedS3Room();
    room.fake.place('x', bytes);
    expect(await room.provider.head('x', calm)).not.toHaveProperty('checksums');
    await put(room.provider, 'x', bytes);
    const { crc32c } = await digestOf(bytes);
    expect((await room.provider.head('x', calm)).checksums).toEqual({ crc32c });
  });

  test.each([
    [{ 'x-amz-server-side-encryption': 'aws:kms' }],
    [{ 'x-amz-server-side-encryption-customer-algorithm': 'AES256' }],
  ])('does not take the ETag for an MD5 with %j', async (headers) => {
    await using room = await openS3Room();
    room.fake.inject({ fault: 'ignore-checksums' });
    await room.provider.connect('target', calm);
    await put(room.provider, 'x', bytes);
    const { md5 } = await digestOf(bytes);
    expect((await room.provider.head('x', calm)).checksums).toEqual({ md5 });
    Object.assign(room.fake.objects().get('x')?.headers ?? {}, headers);
    expect(await room.provider.head('x', calm)).not.toHaveProperty('checksums');
  });

  test('does not take the ETag of parts for an MD5, nor a checksum of checksums for one of bytes', async () => {
    await using room = await openS3Room();
    room.fake.inject({ fault: 'ignore-checksums' });
    await room.provider.connect('target', calm);
    await finish(await sendParts(room.provider, 'x', bytes), bytes);
    expect(await room.provider.head('x', calm)).not.toHaveProperty('checksums');
    const object = room.fake.place('y', bytes);
    object.checksum = { algorithm: 'crc32c', value: 'AAAAAA==-2', type: 'COMPOSITE' };
    await using other = await openS3Room();
    other.fake.objects().set('y', object);
    expect(await other.provider.head('y', calm)).not.toHaveProperty('checksums');
  });

  test('of a copy whose description is gone still tells what it can', async () => {
    await using room = await connectedS3Room();
    await finish(await sendParts(room.provider, 'x', bytes), bytes);
    expect((await room.provider.head('x', calm)).record).toBeDefined();
    for (const key of room.fake.objects().keys()) if (/descriptions/.test(key)) room.fake.objects().delete(key);
    expect(await room.provider.head('x', calm)).toMatchObject({ size: bytes.length, attributes: { metadata: {} } });
  });
});
