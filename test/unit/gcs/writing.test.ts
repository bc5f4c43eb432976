import { describe, expect, test } from 'vitest';
import { noAttributes } from '../../../src/objects/object.ts';
import { bytesOf } from '../../support/bytes.ts';
import type { Fault } from '../../support/fake-gcs/faults.ts';
import { calm, describedBytes, failure, openRoom, put, readAll } from '../../support/fake-gcs/room.ts';

const bytes = bytesOf(10_000, 'gcs writing');

describe('a put to Cloud Storage', () => {
  test('is one request, and attested', async () => {
    await using room = await openRoom();
    await room.provider.connect('target', calm);
    const before = room.fake.requests('object.insert');
    const stored = await put(room.provider, 'k', bytes);
    expect(stored).toEqual({ version: room.bucket.get('k')?.generation, size: 10_000, attested: 'crc32c' });
    expect(room.fake.requests('object.insert')).toBe(before + 1);
  });

  test.each<Fault>(['flip-bit', 'truncate'])('%s is refused by the server and nothing is visible', async (fault) => {
    await using room = await openRoom();
    await room.provider.connect('target', calm);
    room.fake.faults.add({ match: { keyPattern: /^k$/ }, fault });
    await failure(put(room.provider, 'k', bytes), 'checksum-mismatch');
    expect(room.bucket.has('k')).toBe(false);
  });

  test.each<Fault>(['flip-bit', 'truncate'])(
    '%s where the server does not compare is seen in its answer, and deleted',
    async (fault) => {
      await using room = await openRoom();
      room.fake.faults.add({ fault: 'ignore-checksums' });
      const capabilities = await room.provider.connect('target', calm);
      expect(capabilities.attests).toEqual({ put: 'crc32c', upload: 'crc32c' });
      room.fake.faults.add({ match: { keyPattern: /^k$/, nth: 1 }, fault });
      const error = await failure(put(room.provider, 'k', bytes), 'checksum-mismatch');
      expect(error.message).toContain('instead of 10000 bytes');
      expect(room.bucket.has('k')).toBe(false);
      expect((await put(room.provider, 'k', bytes)).attested).toBe('crc32c');
    },
  );

  test('a damaged generation is deleted, never a newer one', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ fault: 'ignore-checksums' });
    await room.provider.connect('target', calm);
    room.fake.faults.add({ match: { keyPattern: /^k$/, operation: 'object.insert' }, fault: 'flip-bit' });
    room.fake.faults.add({ match: { keyPattern: /^k$/, operation: 'object.delete' }, fault: 'error-503' });
    const error = await failure(put(room.provider, 'k', bytes), 'checksum-mismatch');
    expect(error.message).toContain(`generation ${room.bucket.get('k')?.generation} could not be deleted`);
  });

  test('a server that repeats what it is told attests nothing', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ fault: 'lie-about-checksums' });
    const capabilities = await room.provider.connect('target', calm);
    expect(capabilities.attests).toEqual({});
    room.fake.faults.add({ match: { keyPattern: /^k$/ }, fault: 'flip-bit' });
    const stored = await put(room.provider, 'k', bytes);
    expect(stored.attested).toBeUndefined();
    expect((await room.provider.head('k', calm)).checksums).not.toHaveProperty('crc32c');
  });

  test('a server that compares and reports nothing attests nothing', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ fault: 'no-checksums' });
    await room.provider.connect('target', calm);
    expect((await put(room.provider, 'k', bytes)).attested).toBeUndefined();
    expect((await room.provider.head('k', calm)).checksums).toBeUndefined();
  });

  test('before it was probed, nothing is attested', async () => {
    await using room = await openRoom();
    expect((await put(room.provider, 'k', bytes)).attested).toBeUndefined();
  });

  test('a lost answer is unavailable, and the object is there', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ match: { keyPattern: /^k$/, nth: 1 }, fault: 'lose-response' });
    expect((await failure(put(room.provider, 'k', bytes), 'unavailable')).retryable).toBe(true);
    expect((await readAll(room.provider, 'k')).equals(bytes)).toBe(true);
  });

  test('a body that breaks off leaves nothing', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ match: { keyPattern: /^k$/, nth: 1 }, fault: 'drop-connection' });
    await failure(put(room.provider, 'k', bytes), 'unavailable');
    expect(room.bucket.has('k')).toBe(false);
  });

  test('a server that never answers is unavailable once it was silent for too long', async () => {
    await using room = await openRoom({ timeouts: { idleMs: 100 } });
    room.fake.faults.add({ fault: 'stall' });
    const error = await failure(put(room.provider, 'k', bytes), 'unavailable');
    expect(error.message).toContain('nothing moved for 100 ms');
  });

  test('a server that never answers is left when the signal aborts', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ fault: 'stall' });
    const controller = new AbortController();
    const writing = put(room.provider, 'k', bytes, controller.signal);
    await expect.poll(() => room.fake.requests('object.insert')).toBe(1);
    controller.abort();
    await failure(writing, 'aborted');
  });

  test('many calls share a signal without leaving anything on it', async () => {
    await using room = await openRoom();
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners += 1;
      add(...given);
    };
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...given);
    };
    for (let round = 0; round < 20; round += 1) await put(room.provider, `k${round}`, bytes, signal);
    await expect.poll(() => listeners).toBe(0);
  });

  test('error 503, error 429 and an error under 200 are told apart and write nothing', async () => {
    await using room = await openRoom();
    const cases = [
      ['error-503', 'unavailable', undefined],
      ['error-429', 'throttled', 3_000],
      ['quota', 'throttled', undefined],
      ['denied', 'denied', undefined],
      ['ok-with-error-body', 'unavailable', undefined],
      ['ok-with-empty-body', 'invalid', undefined],
    ] as const;
    for (const [fault, code, retryAfterMs] of cases) {
      room.fake.faults.add({ match: { nth: 1 }, fault });
      expect((await failure(put(room.provider, 'k', bytes), code)).retryAfterMs).toBe(retryAfterMs);
    }
    expect(room.bucket.size).toBe(0);
  });

  test('where preconditions are ignored, connect says so', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ fault: 'ignore-preconditions' });
    expect((await room.provider.connect('target', calm)).conditionalWrites).toBe(false);
  });

  test('of an object without content type costs no second request and no description', async () => {
    await using room = await openRoom();
    await put(room.provider, 'plain', bytes);
    expect([...room.bucket.keys()]).toEqual(['plain']);
    expect(room.bucket.get('plain')?.metadata.contentType).toBe('application/octet-stream');
    const inserts = room.fake.requests('object.insert');
    expect((await room.provider.head('plain', calm)).attributes).toEqual({ metadata: {} });
    const options = { attributes: { ...noAttributes, contentType: 'application/octet-stream' } };
    await room.provider.put('typed', bytes, { ...options, ...(await describedBytes(bytes)) }, calm);
    expect((await room.provider.head('typed', calm)).attributes).toEqual(options.attributes);
    expect([inserts, room.fake.requests('object.insert')]).toEqual([1, 2]);
  });

  test('a content type given to it later by somebody else is shown', async () => {
    await using room = await openRoom();
    await put(room.provider, 'k', bytes);
    const patched = await fetch(`${room.fake.endpoint}/storage/v1/b/copies/o/k`, {
      method: 'PATCH',
      body: JSON.stringify({ contentType: 'image/png' }),
    });
    expect(patched.ok).toBe(true);
    expect((await room.provider.head('k', calm)).attributes.contentType).toBe('image/png');
  });

  test('bytes that look like the multipart body around them stay what they are', async () => {
    await using room = await openRoom();
    const awkward = Buffer.from('\r\n--boundary--\r\nContent-Type: text/plain\r\n\r\n\r\n--');
    await put(room.provider, 'k', awkward);
    expect(room.bucket.get('k')?.bytes.equals(awkward)).toBe(true);
  });
});

test('a delete whose precondition fails keeps the object', async () => {
  await using room = await openRoom();
  await put(room.provider, 'k', bytes);
  await failure(room.provider.delete('k', { precondition: { version: '1' } }, calm), 'conflict');
  expect(room.bucket.has('k')).toBe(true);
  room.fake.faults.add({ fault: 'error-503' });
  await failure(room.provider.delete('k', {}, calm), 'unavailable');
});
