import { describe, expect, test } from 'vitest';
import { compareKeys } from '../../../src/objects/key.ts';
import { canHoldKey } from '../../../src/providers/gcs/gcs.ts';
import { offsetNotAfter } from '../../../src/providers/gcs/key.ts';
import { orderCanaries } from '../../../src/providers/key-order.ts';
import { bytesOf } from '../../support/bytes.ts';
import { calm, failure, keysIn, openRoom, put } from '../../support/fake-gcs/room.ts';

const orderMarks = orderCanaries.map((name) => `.holdfast/probe/order/${name}`);

describe('connect', () => {
  test('leaves only the marks for the order of listings, and reuses them', async () => {
    await using room = await openRoom();
    const capabilities = await room.provider.connect('target', calm);
    expect(capabilities).toMatchObject({
      listing: 'ordered',
      attests: { put: 'crc32c', upload: 'crc32c' },
      wants: { put: ['crc32c'], part: [], upload: ['crc32c'] },
      conditionalWrites: true,
      limits: { part: { order: 'sequential', multipleOf: 262_144, min: 262_144 } },
    });
    expect(await keysIn(room.provider, '.holdfast/')).toEqual(orderMarks);
    const versions = orderMarks.map((key) => room.bucket.get(key)?.generation);
    await using again = await openRoom();
    again.fake.buckets.set('copies', room.bucket);
    await again.provider.connect('target', calm);
    expect(orderMarks.map((key) => room.bucket.get(key)?.generation)).toEqual(versions);
    expect(await keysIn(room.provider, '.holdfast/')).toEqual(orderMarks);
  });

  test('asks once, also after it was a source', async () => {
    await using room = await openRoom();
    await room.provider.connect('source', calm);
    expect(room.fake.requests('object.insert')).toBe(0);
    await room.provider.connect('target', calm);
    const inserts = room.fake.requests('object.insert');
    await room.provider.connect('target', calm);
    expect([room.fake.requests('object.insert'), room.fake.requests('bucket.get')]).toEqual([inserts, 2]);
  });

  test('with credentials that may not read the bucket, nor delete, succeeds', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ match: { operation: 'bucket.get' }, fault: 'denied' });
    room.fake.faults.add({ match: { operation: 'object.delete' }, fault: 'denied' });
    expect((await room.provider.connect('target', calm)).attests.put).toBe('crc32c');
  });

  test('with credentials that may not write is denied, and says what to do', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ match: { operation: 'object.insert' }, fault: 'denied' });
    const error = await failure(room.provider.connect('target', calm), 'denied');
    expect(error.message).toMatch(/write .* in bucket "copies".*403.*Check keyFile/);
  });

  test('that failed is tried anew', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ match: { operation: 'upload.start', nth: 1 }, fault: 'error-503' });
    await failure(room.provider.connect('target', calm), 'unavailable');
    expect((await room.provider.connect('target', calm)).attests).toEqual({ put: 'crc32c', upload: 'crc32c' });
  });

  test('to nobody is unavailable', async () => {
    await using room = await openRoom({ endpoint: 'http://127.0.0.1:1' });
    expect((await failure(room.provider.connect('source', calm), 'unavailable')).message).toContain('ECONNREFUSED');
  });

  test('an upload that is not compared is not attested, though a put is', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ match: { operation: 'upload.chunk' }, fault: 'lie-about-checksums' });
    expect((await room.provider.connect('target', calm)).attests).toEqual({ put: 'crc32c' });
    await put(room.provider, 'k', bytesOf(10));
    expect((await room.provider.head('k', calm)).checksums).toEqual({ md5: expect.any(String) as string });
  });
});

test.each([
  ['a\u{1F600}b', 'a\u{1F600}b'],
  ['a\udcffb', 'a'],
  ['a\ud83d', 'a'],
  ['\ufeffa', '\ufeffa'],
  ['x'.repeat(1_022) + '\u20ac', 'x'.repeat(1_022)],
])('offsetNotAfter(%j) is %j', (key, offset) => {
  expect(offsetNotAfter(key)).toBe(offset);
  expect(compareKeys(offset, key)).toBeLessThanOrEqual(0);
});

test.each([
  ['', false],
  ['.', false],
  ['..', false],
  ['a/..', true],
  ['a\nb', false],
  ['a\rb', false],
  ['\udcff', false],
  ['\u20ac'.repeat(341) + 'x', true],
  ['\u20ac'.repeat(341) + 'xy', false],
  ['.well-known/acme-challenge/x', false],
  ['.well-known/acme-challenge', true],
])('canHoldKey(%j) is %j', (key, held) => {
  expect(canHoldKey(key)).toBe(held);
});
