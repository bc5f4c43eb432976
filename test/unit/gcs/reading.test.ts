import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openGcs } from '../../../src/providers/gcs/gcs.ts';
import { bytesOf } from '../../support/bytes.ts';
import type { Room } from '../../support/fake-gcs/room.ts';
import { calm, describedBytes, failure, openRoom, put, readAll } from '../../support/fake-gcs/room.ts';

const bytes = bytesOf(2_000_000, 'gcs reading');
const packed = gzipSync(Buffer.from('text that packs well '.repeat(5_000)));

async function putGzip(room: Room): Promise<void> {
  const attributes = { contentEncoding: 'gzip', contentType: 'text/plain', metadata: {} };
  await room.provider.put('z', packed, { attributes, ...(await describedBytes(packed)) }, calm);
}

describe('stored gzip', () => {
  test('is what the server would unpack for others, and comes as it is stored', async () => {
    await using room = await openRoom();
    await putGzip(room);
    const unpacked = await fetch(`${room.fake.endpoint}/storage/v1/b/copies/o/z?alt=media`, {
      headers: { 'Accept-Encoding': 'identity' },
    });
    expect((await unpacked.arrayBuffer()).byteLength).toBe(105_000);
    expect((await readAll(room.provider, 'z')).equals(packed)).toBe(true);
  });

  test('from a byte on comes as it is stored', async () => {
    await using room = await openRoom();
    await putGzip(room);
    await using reader = await room.provider.read('z', { from: 50 }, calm);
    const chunks = await Array.fromAsync(reader.body);
    expect(Buffer.concat(chunks).equals(packed.subarray(50))).toBe(true);
  });

  test('unpacked by a server that insists is refused, not taken for the object', async () => {
    await using room = await openRoom();
    await putGzip(room);
    room.fake.faults.add({ fault: 'always-decompress' });
    expect((await failure(readAll(room.provider, 'z'), 'invalid')).message).toContain('gzip');
  });
});

describe('a read from Cloud Storage', () => {
  test('of a known version is two requests', async () => {
    await using room = await openRoom();
    const { version } = await put(room.provider, 'k', bytes);
    await using reader = await room.provider.read('k', { version }, calm);
    expect(Buffer.concat(await Array.fromAsync(reader.body)).equals(bytes)).toBe(true);
    expect([room.fake.requests('object.get'), room.fake.requests('object.media')]).toEqual([1, 1]);
  });

  test('whose body is announced too short is unavailable', async () => {
    await using room = await openRoom();
    await put(room.provider, 'k', bytes);
    room.fake.faults.add({ match: { nth: 1, operation: 'object.media' }, fault: 'truncate-read' });
    expect((await failure(readAll(room.provider, 'k'), 'unavailable')).message).toContain('ended 1000000 bytes early');
    expect((await readAll(room.provider, 'k')).equals(bytes)).toBe(true);
  });

  test('whose connection breaks is unavailable', async () => {
    await using room = await openRoom();
    await put(room.provider, 'k', bytes);
    room.fake.faults.add({ match: { operation: 'object.media' }, fault: 'drop-connection' });
    await failure(readAll(room.provider, 'k'), 'unavailable');
  });

  test('with a flipped bit gives those bytes: only hashing finds it', async () => {
    await using room = await openRoom();
    await put(room.provider, 'k', bytes);
    room.fake.faults.add({ fault: 'flip-bit-read' });
    const read = await readAll(room.provider, 'k');
    expect([read.length, read.equals(bytes)]).toEqual([bytes.length, false]);
  });

  test('that stalls is unavailable once it was silent for too long, and aborted when aborted', async () => {
    await using room = await openRoom();
    await put(room.provider, 'k', bytes);
    room.fake.faults.add({ match: { operation: 'object.media' }, fault: 'stall' });
    const impatient = openGcs({
      name: 'gcp',
      bucket: 'copies',
      endpoint: room.fake.endpoint,
      timeouts: { idleMs: 300 },
    });
    await failure(readAll(impatient, 'k'), 'unavailable');
    await impatient.close();
    const controller = new AbortController();
    await using reader = await room.provider.read('k', {}, controller.signal);
    const reading = Array.fromAsync(reader.body);
    controller.abort();
    await failure(reading, 'aborted');
  });

  test('by a reader slower than the longest silence goes on', async () => {
    await using room = await openRoom();
    const big = bytesOf(30_000_000, 'slow reader');
    await put(room.provider, 'k', big);
    const impatient = openGcs({
      name: 'gcp',
      bucket: 'copies',
      endpoint: room.fake.endpoint,
      timeouts: { idleMs: 300 },
    });
    await using reader = await impatient.read('k', {}, calm);
    const chunks: Uint8Array[] = [];
    for await (const chunk of reader.body) {
      if (chunks.length === 0) await new Promise((resolve) => setTimeout(resolve, 1_000));
      chunks.push(chunk);
    }
    expect(Buffer.concat(chunks).equals(big)).toBe(true);
    await impatient.close();
  });

  test('of a version replaced between its two requests throws conflict', async () => {
    await using room = await openRoom();
    const { version } = await put(room.provider, 'k', bytes);
    const stored = room.bucket.get('k');
    if (stored !== undefined) room.bucket.set('k', { ...stored, generation: '9' });
    const error = await failure(room.provider.read('k', { version }, calm), 'conflict');
    expect(error.message).toContain(version);
  });

  test.each([
    ['ignore-range', 'unsupported', 'knows no ranges'],
    ['shift-range', 'invalid', 'was answered with "bytes'],
  ] as const)('of a range, from a server with %s, does not take the wrong bytes', async (fault, code, says) => {
    await using room = await openRoom();
    const { version } = await put(room.provider, 'k', bytes);
    room.fake.faults.add({ match: { operation: 'object.media' }, fault });
    for (const range of [{ from: 5 }, { from: 5, to: 10 }, { version, to: 10 }]) {
      expect((await failure(room.provider.read('k', range, calm), code)).message).toContain(says);
    }
  });

  test('disposed early ends the connection', async () => {
    await using room = await openRoom();
    await put(room.provider, 'k', bytesOf(30_000_000, 'big'));
    const reader = await room.provider.read('k', {}, calm);
    await reader[Symbol.asyncDispose]();
    const error = await failure(Array.fromAsync(reader.body), 'unavailable');
    expect(error.key).toBe('k');
  });

  test('a description that is gone leaves the copy without a record', async () => {
    await using room = await openRoom();
    const attributes = { contentType: 'a/b', metadata: { 'na me': 'x', kept: 'y' } };
    await room.provider.put('k', bytes, { attributes, ...(await describedBytes(bytes)) }, calm);
    const [description] = [...room.bucket.keys()].filter((key) => key.startsWith('.holdfast/descriptions/'));
    expect((await room.provider.head('k', calm)).attributes).toEqual(attributes);
    const stored = room.bucket.get(description ?? '');
    if (stored !== undefined) room.bucket.set(description ?? '', { ...stored, bytes: Buffer.from('no JSON') });
    expect((await room.provider.head('k', calm)).attributes.metadata).toEqual({ kept: 'y' });
    room.bucket.delete(description ?? '');
    expect((await room.provider.head('k', calm)).attributes.metadata).toEqual({ kept: 'y' });
    room.fake.faults.add({ match: { operation: 'object.media' }, fault: 'error-503' });
    await failure(room.provider.head('k', calm), 'unavailable');
  });
});
