import { describe, expect, test } from 'vitest';
import type { Fault } from '../../support/fake-s3/fake-s3.ts';
import { openS3 } from '../../../src/providers/s3/s3.ts';
import { bytesOf } from '../../support/bytes.ts';
import { calm, finish, listed, openS3Room, put, sendParts } from '../../support/s3-room.ts';

const md5OfParts = 'md5 of every part';

/** How a server misbehaves from the start, and what may then be taken from it as proof. */
const servers: readonly [readonly Fault[], object, object][] = [
  [[], { put: 'crc32c', upload: 'crc32c' }, { put: ['crc32c'], part: ['crc32c'], upload: ['crc32c'] }],
  [['lie-about-checksums'], {}, { put: [], part: [], upload: [] }],
  [['ignore-checksums'], { put: 'md5', upload: md5OfParts }, { put: ['md5'], part: ['md5'], upload: [] }],
  [['ignore-checksums', 'ignore-md5'], { put: 'sha256' }, { put: [], part: [], upload: [] }],
  [['ignore-checksums', 'ignore-md5', 'ignore-payload-hash'], {}, { put: [], part: [], upload: [] }],
];

describe('what a target attests is proven, not assumed', () => {
  test.each(servers)('with %j', async (faults, attests, wants) => {
    await using room = await openS3Room();
    for (const fault of faults) room.fake.inject({ fault });
    const capabilities = await room.provider.connect('target', calm);
    expect(capabilities).toMatchObject({ attests, wants, conditionalWrites: true, listing: 'ordered' });
    expect(Object.keys(capabilities.attests)).toEqual(Object.keys(attests));

    const bytes = bytesOf(1_000);
    const { put: byPut, upload: byUpload } = capabilities.attests;
    expect((await put(room.provider, 'small', bytes)).attested).toBe(byPut);
    expect((await finish(await sendParts(room.provider, 'large', bytes), bytes)).attested).toBe(byUpload);
    const reported = Object.keys((await room.provider.head('small', calm)).checksums ?? {});
    expect(reported).toEqual(byPut === 'sha256' || byPut === undefined ? [] : [byPut]);
  });

  test('a server that lies only when asked later is no proof either', async () => {
    await using room = await openS3Room();
    room.fake.inject({ match: { operation: 'HeadObject' }, fault: { status: 500, code: 'InternalError' } });
    await expect(room.provider.connect('target', calm)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test.each(['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'] as const)(
    'a server without %s has nothing to attest for uploads',
    async (operation) => {
      await using room = await openS3Room();
      room.fake.inject({ match: { operation }, fault: { status: 501, code: 'NotImplemented' } });
      const { attests, conditionalWrites } = await room.provider.connect('target', calm);
      expect(attests).toEqual({ put: 'crc32c' });
      expect(conditionalWrites).toBe(false);
    },
  );

  test('ignored preconditions are found out', async () => {
    await using room = await openS3Room();
    room.fake.inject({ fault: 'ignore-preconditions' });
    const { attests, conditionalWrites } = await room.provider.connect('target', calm);
    expect(conditionalWrites).toBe(false);
    expect(attests).toEqual({ put: 'crc32c', upload: 'crc32c' });
  });

  test('preconditions ignored on completion only are found out', async () => {
    await using room = await openS3Room();
    room.fake.inject({ match: { operation: 'CompleteMultipartUpload' }, fault: 'ignore-preconditions' });
    expect((await room.provider.connect('target', calm)).conditionalWrites).toBe(false);
  });

  test('another order of listing is found out, for the same provider as a source too', async () => {
    await using room = await openS3Room();
    room.fake.inject({ fault: 'list-out-of-order' });
    expect((await room.provider.connect('target', calm)).listing).toBe('unordered');
    for (const key of ['b', 'a']) await put(room.provider, key, key);
    expect(await listed(room.provider)).toEqual(['b', 'a']);
    room.fake.heal();
    expect(await room.provider.connect('source', calm)).toMatchObject({ listing: 'unordered', listsAfter: false });
  });

  test('a listing that does not start where it was to is found out, at a target and at a source', async () => {
    await using room = await openS3Room();
    for (const key of ['a', 'b', 'c', 'd']) room.fake.place(key, 'x');
    const starts = { listing: 'ordered', listsAfter: true };
    expect(await room.provider.connect('target', calm)).toMatchObject(starts);
    expect(await room.provider.connect('source', calm)).toMatchObject(starts);
    room.fake.inject({ fault: 'list-ignores-start' });
    const another = await openS3({ ...room.fake.access, name: 'another', bucket: 'bucket' });
    expect(await another.connect('target', calm)).toMatchObject({ ...starts, listsAfter: false });
    expect(await another.connect('source', calm)).toMatchObject({ ...starts, listsAfter: false });
    await another.close();
  });

  test.each(['target', 'source'] as const)(
    'a %s that starts a listing by another order than it lists in is found out',
    async (role) => {
      await using room = await openS3Room();
      for (const key of ['a', '\u{ff01}', '\u{ff02}', '\u{1F600}', '\u{1F601}']) room.fake.place(key, 'x');
      room.fake.inject({ fault: 'list-starts-by-utf16' });
      expect(await room.provider.connect(role, calm)).toMatchObject({ listing: 'ordered', listsAfter: false });
    },
  );

  test('that a listing cannot start somewhere ends no connecting', async () => {
    await using room = await openS3Room();
    const fault = { status: 400, code: 'InvalidArgument' };
    room.fake.inject({ match: { operation: 'ListObjectsV2', nth: 3 }, fault });
    expect(await room.provider.connect('target', calm)).toMatchObject({ listing: 'ordered', listsAfter: false });
  });

  test('keys that raw listings spoil are refused', async () => {
    await using room = await openS3Room();
    room.fake.inject({ fault: 'list-raw' });
    await room.provider.connect('target', calm);
    await put(room.provider, 'a b+c', 'x');
    expect(await listed(room.provider)).toEqual(['a b+c']);
    await expect(put(room.provider, 'a\u0001', 'x')).rejects.toMatchObject({ code: 'unsupported', key: 'a\u0001' });
  });
});

describe('probing', () => {
  test('takes a bounded number of requests, fewer the second time, and leaves only the canaries it reuses', async () => {
    await using room = await openS3Room();
    await room.provider.connect('target', calm);
    expect(room.fake.count()).toBe(29);
    expect(room.fake.openUploads()).toBe(0);
    const left = await listed(room.provider, '.holdfast/');
    expect(left).toHaveLength(12);
    expect(left.every((key) => key.startsWith('.holdfast/probe/keys/'))).toBe(true);

    room.fake.forgetRequests();
    await room.provider.connect('target', calm);
    expect(room.fake.count(), 'cached').toBe(0);
    const again = await openS3({ ...room.fake.access, name: 'again', bucket: 'bucket' });
    await again.connect('target', calm);
    await again.close();
    expect(room.fake.count()).toBe(16);
  });

  test.each(servers)('is bounded for every server, %j', async (faults) => {
    await using room = await openS3Room();
    for (const fault of faults) room.fake.inject({ fault });
    await room.provider.connect('target', calm);
    expect(room.fake.count()).toBeLessThanOrEqual(34);
    expect(room.fake.openUploads()).toBe(0);
  });

  test('keeps to the root it is given', async () => {
    await using room = await openS3Room({ root: 'replicas/' });
    await room.provider.connect('target', calm);
    const own = [...room.fake.objects().keys()];
    expect(own.every((key) => key.startsWith('replicas/.holdfast/probe/'))).toBe(true);
    await put(room.provider, 'replicas/x', 'x');
    expect(await listed(room.provider, 'replicas/')).toEqual(['replicas/x']);
  });

  test('of a source asks one question and writes nothing', async () => {
    await using room = await openS3Room();
    room.fake.place('a', 'x');
    const capabilities = await room.provider.connect('source', calm);
    expect(capabilities).toMatchObject({ listing: 'ordered', attests: {} });
    expect(room.fake.requests.map(({ operation }) => operation)).toEqual(['ListObjectsV2']);
  });

  test('of a source with several objects asks one more, about where a listing starts', async () => {
    await using room = await openS3Room();
    for (const key of ['a', 'b', 'c']) room.fake.place(key, 'x');
    expect(await room.provider.connect('source', calm)).toMatchObject({ listsAfter: true });
    expect(room.fake.requests.map(({ operation }) => operation)).toEqual(['ListObjectsV2', 'ListObjectsV2']);
  });

  test('of a source that lists in no order says so', async () => {
    await using room = await openS3Room();
    for (const key of ['a', 'b']) room.fake.place(key, 'x');
    room.fake.inject({ fault: 'list-out-of-order' });
    expect((await room.provider.connect('source', calm)).listing).toBe('unordered');
  });

  test('fails where the bucket is missing, the credentials are refused or nobody answers, and may be repeated', async () => {
    await using room = await openS3Room({ bucket: 'missing' });
    const refused = room.provider.connect('target', calm);
    await expect(refused).rejects.toMatchObject({ code: 'not-found', message: expect.stringContaining('"missing"') });
    room.fake.createBucket('missing');
    const restore = room.fake.inject({ match: { method: 'PUT' }, fault: { status: 403, code: 'AccessDenied' } });
    await expect(room.provider.connect('target', calm)).rejects.toMatchObject({ code: 'denied' });
    restore();
    const listen = room.fake.inject({ match: { method: 'POST' }, fault: 'drop-connection' });
    await expect(room.provider.connect('target', calm)).rejects.toMatchObject({ code: 'unavailable' });
    listen();
    expect((await room.provider.connect('target', calm)).attests.put).toBe('crc32c');
  });

  test('lets canaries stay where deleting is not allowed', async () => {
    await using room = await openS3Room();
    room.fake.inject({ match: { method: 'DELETE' }, fault: { status: 403, code: 'AccessDenied' } });
    expect((await room.provider.connect('target', calm)).attests.put).toBe('crc32c');
  });

  test('of a server that refuses unsigned parts sends them signed', async () => {
    await using room = await openS3Room();
    room.fake.inject({ fault: 'refuse-unsigned-payload' });
    expect((await room.provider.connect('target', calm)).attests.upload).toBe('crc32c');
    room.fake.forgetRequests();
    const bytes = bytesOf(100);
    expect((await finish(await sendParts(room.provider, 'x', bytes), bytes)).attested).toBe('crc32c');
    expect(room.fake.requests.map(({ headers }) => headers['x-amz-content-sha256'])).not.toContain('UNSIGNED-PAYLOAD');
  });
});
