import { describe, expect, test } from 'vitest';
import { compareKeys } from '../../../src/objects/key.ts';
import type { Fault } from '../../support/fake-s3/fake-s3.ts';
import { canHoldKey } from '../../../src/providers/s3/s3.ts';
import { calm, listed, openS3Room, put } from '../../support/s3-room.ts';

describe('a listing', () => {
  test.each<Fault>(['list-out-of-order', 'list-without-token', 'list-in-circles'])(
    'with %s is not trusted: it throws instead of ending',
    async (fault) => {
      await using room = await openS3Room({}, { pageSize: 2 });
      for (const key of ['a', 'b', 'c', 'd', 'e']) room.fake.place(key, key);
      room.fake.inject({ fault });
      await expect(listed(room.provider)).rejects.toMatchObject({ code: 'invalid' });
    },
  );

  test('that does not start where it was seen to start before throws, instead of leaving out what it tells', async () => {
    await using room = await openS3Room({}, { pageSize: 2 });
    for (const key of ['a', 'b', 'c']) room.fake.place(key, key);
    await room.provider.connect('source', calm);
    const after = async () => await Array.fromAsync(room.provider.list({ after: 'b' }, calm));
    expect(await after()).toMatchObject([{ entries: [{ key: 'c' }] }]);
    room.fake.inject({ fault: 'list-ignores-start' });
    await expect(after()).rejects.toMatchObject({ code: 'invalid' });
  });

  test('that goes round in circles ends where order is no help', async () => {
    await using room = await openS3Room({}, { pageSize: 2 });
    for (const key of ['a', 'b', 'c']) room.fake.place(key, key);
    const rest = room.fake.inject({ fault: 'list-out-of-order' });
    await room.provider.connect('source', calm);
    rest();
    room.fake.inject({ fault: 'list-in-circles' });
    await expect(listed(room.provider)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/token/),
    });
  });

  test('that breaks off throws', async () => {
    await using room = await openS3Room({}, { pageSize: 2 });
    for (const key of ['a', 'b', 'c']) room.fake.place(key, key);
    room.fake.inject({ match: { operation: 'ListObjectsV2', nth: 2 }, fault: 'drop-connection' });
    await expect(listed(room.provider)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test.each([
    ['for the first time', 1],
    ['past the middleware', 2],
  ])('whose answer ends before its XML does throws, %s', async (_, nth) => {
    await using room = await openS3Room({}, { pageSize: 2 });
    for (const key of ['a', 'b', 'c']) room.fake.place(key, key);
    room.fake.inject({ match: { operation: 'ListObjectsV2', nth }, fault: 'list-cut-short' });
    await expect(listed(room.provider)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^S3 ListObjectsV2 of bucket "bucket" failed: .*it breaks off.*not whole/),
    });
  });

  test.each([
    ['for the first time', 1],
    ['past the middleware', 2],
  ])('that fails after the server has said 200 throws, %s', async (_, nth) => {
    await using room = await openS3Room({}, { pageSize: 2 });
    for (const key of ['a', 'b', 'c']) room.fake.place(key, key);
    room.fake.inject({ match: { operation: 'ListObjectsV2', nth }, fault: 'ok-with-error-body' });
    await expect(listed(room.provider)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('InternalError: Try again'),
    });
  });

  test('jumps over the keys of Holdfast instead of listing through them', async () => {
    await using room = await openS3Room({}, { pageSize: 10 });
    for (let n = 0; n < 500; n += 1) room.fake.place(`.holdfast/descriptions/${n}`, 'x');
    for (const key of ['!', '.holdfast', '.holdfast0', 'a']) room.fake.place(key, key);
    expect(await listed(room.provider)).toEqual(['!', '.holdfast', '.holdfast0', 'a']);
    expect(room.fake.count()).toBe(2);
    expect(await listed(room.provider, '.holdfast/')).toHaveLength(500);
  });

  test('jumps over them under a root as well', async () => {
    await using room = await openS3Room({ root: 'r/' }, { pageSize: 10 });
    for (let n = 0; n < 500; n += 1) room.fake.place(`r/.holdfast/${n}`, 'x');
    for (const key of ['r/!', 'r/a', '.holdfast/x']) room.fake.place(key, key);
    expect(await listed(room.provider, 'r/')).toEqual(['r/!', 'r/a']);
    expect(room.fake.count()).toBe(2);
  });

  test('names what has no ETag instead of leaving it out', async () => {
    await using room = await openS3Room();
    room.fake.place('a', 'x').etag = '';
    const pages = await Array.fromAsync(room.provider.list({}, calm));
    expect(pages).toMatchObject([{ entries: [], ignored: [{ key: 'a' }] }]);
  });

  test('decodes keys as AWS encodes them', async () => {
    await using room = await openS3Room();
    const keys = ['\u0001', 'a b', 'a%20b', 'a+b', 'a/b', 'a\r\n', 'é', '\u{1F600}'];
    for (const key of keys) room.fake.place(key, 'x');
    expect(await listed(room.provider)).toEqual(keys.toSorted(compareKeys));
  });
});

describe('keys', () => {
  test.each([
    ['..', '/bucket/..'],
    ['../x', '/bucket/../x'],
    ['a/../b', '/bucket/a/../b'],
    ['a//b', '/bucket/a//b'],
    ['/x', '/bucket//x'],
    ['x/', '/bucket/x/'],
    ['./a', '/bucket/./a'],
    ['a b+c%', '/bucket/a%20b%2Bc%25'],
    ['?#', '/bucket/%3F%23'],
  ])('%j goes over the wire as it is', async (key, path) => {
    await using room = await openS3Room();
    await put(room.provider, key, 'x');
    expect(room.fake.requests.map(({ rawPath }) => rawPath)).toEqual([path]);
    expect([...room.fake.objects().keys()]).toEqual([key]);
  });

  test.each([
    ['', false],
    ['x', true],
    ['é'.repeat(512), true],
    ['é'.repeat(513), false],
    ['a\udc80', false],
    ['\u0000', true],
  ])('%j can be held: %s', (key, expected) => {
    expect(canHoldKey(key)).toBe(expected);
  });
});
