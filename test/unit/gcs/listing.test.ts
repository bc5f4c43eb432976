import { describe, expect, test } from 'vitest';
import { bytesOf } from '../../support/bytes.ts';
import { calm, failure, keysIn, openRoom, put } from '../../support/fake-gcs/room.ts';
import type { Bucket } from '../../support/fake-gcs/store.ts';

function fill(bucket: Bucket, names: readonly string[]): void {
  for (const name of names) {
    const checksums = { crc32c: 'AAAAAA==', md5Hash: '1B2M2Y8AsgTpgAmY7PhCfg==' };
    const object = { name, bytes: Buffer.of(), generation: '5', metageneration: '1', metadata: {}, ...checksums };
    bucket.set(name, { ...object, updated: '2026-01-01T00:00:00.000Z' });
  }
}

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => prefix + String(index).padStart(6, '0'));

describe('a listing of Cloud Storage', () => {
  test('jumps over what is our own instead of paging through it', async () => {
    await using room = await openRoom();
    fill(room.bucket, ['!', '-', '.a', ...numbered('.holdfast/descriptions/', 5_000), '.holdfast0', 'a', 'b']);
    expect(await keysIn(room.provider)).toEqual(['!', '-', '.a', '.holdfast0', 'a', 'b']);
    expect(room.fake.requests('object.list')).toBe(2);
    expect(await keysIn(room.provider, '.holdfast/')).toHaveLength(5_000);
  });

  test('tells size, generation, time and checksums', async () => {
    await using room = await openRoom();
    const { version } = await put(room.provider, 'k', bytesOf(10, 'list'));
    const [page] = await Array.fromAsync(room.provider.list({}, calm));
    const head = await room.provider.head('k', calm);
    expect(page?.entries).toEqual([
      { key: 'k', size: 10, version, modifiedAt: head.modifiedAt, checksums: head.checksums },
    ]);
    expect(Object.keys(head.checksums ?? {})).toEqual(['crc32c', 'md5']);
  });

  test('that cannot be finished throws', async () => {
    await using room = await openRoom();
    fill(room.bucket, numbered('k', 2_500));
    for (const fault of ['error-503', 'drop-connection', 'ok-with-error-body'] as const) {
      room.fake.faults.add({ match: { operation: 'object.list', nth: 2 }, fault });
      await failure(keysIn(room.provider), 'unavailable');
      room.fake.faults.clear();
    }
    expect(await keysIn(room.provider)).toHaveLength(2_500);
  });

  test('an empty answer is not taken for an empty bucket', async () => {
    await using room = await openRoom();
    fill(room.bucket, ['k']);
    room.fake.faults.add({ fault: 'ok-with-empty-body' });
    await failure(keysIn(room.provider), 'invalid');
  });

  test('a page token that comes again is an error, not an endless listing', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ fault: 'repeat-page-token' });
    await failure(keysIn(room.provider), 'invalid');
  });

  test('in another order than that of the bytes is found by the probe', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ fault: 'list-out-of-order' });
    expect((await room.provider.connect('target', calm)).listing).toBe('unordered');
    fill(room.bucket, ['\uff01', '\u{1F600}']);
    expect(await keysIn(room.provider)).toEqual(['\u{1F600}', '\uff01']);
  });

  test('in another order than that of the bytes is an error where nothing was probed', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ fault: 'list-out-of-order' });
    expect((await room.provider.connect('source', calm)).listing).toBe('ordered');
    fill(room.bucket, ['\uff01', '\u{1F600}']);
    expect((await failure(keysIn(room.provider), 'invalid')).message).toContain('out of order');
  });

  test('that does not start where it was to is found out, at a target and at a source', async () => {
    await using room = await openRoom();
    fill(room.bucket, ['a', 'b', 'c']);
    for (const role of ['source', 'target'] as const) {
      await using other = await openRoom();
      fill(other.bucket, ['a', 'b', 'c']);
      expect(await other.provider.connect(role, calm)).toMatchObject({ listing: 'ordered', listsAfter: true });
      const after = async () => await Array.fromAsync(other.provider.list({ after: 'b' }, calm));
      expect(await after()).toMatchObject([{ entries: [{ key: 'c' }] }]);
      other.fake.faults.add({ fault: 'list-ignores-start' });
      await failure(after(), 'invalid');
    }
    room.fake.faults.add({ fault: 'list-ignores-start' });
    expect(await room.provider.connect('source', calm)).toMatchObject({ listing: 'ordered', listsAfter: false });
    expect(await room.provider.connect('target', calm)).toMatchObject({ listing: 'ordered', listsAfter: false });
  });

  test('that starts by another order than it lists in is found out', async () => {
    await using room = await openRoom();
    fill(room.bucket, ['a', '\uff01', '\uff02', '\u{1F600}', '\u{1F601}']);
    room.fake.faults.add({ fault: 'list-starts-by-utf16' });
    for (const role of ['source', 'target'] as const) {
      expect(await room.provider.connect(role, calm)).toMatchObject({ listing: 'ordered', listsAfter: false });
    }
  });

  test('that cannot be told where to start ends no connecting of a source', async () => {
    await using room = await openRoom();
    fill(room.bucket, ['a', 'b', 'c']);
    room.fake.faults.add({ match: { operation: 'object.list' }, fault: 'denied' });
    expect(await room.provider.connect('source', calm)).toMatchObject({ listing: 'ordered', listsAfter: false });
  });

  test('of a bucket that is not there throws', async () => {
    await using room = await openRoom({ bucket: 'other' });
    expect((await failure(keysIn(room.provider), 'not-found')).message).toContain('"other"');
  });

  test('of a prefix that no key can have is empty without a request', async () => {
    await using room = await openRoom();
    expect(await keysIn(room.provider, '\udcff')).toEqual([]);
    expect(await keysIn(room.provider, 'x'.repeat(1_025))).toEqual([]);
    expect(room.fake.requests('object.list')).toBe(0);
  });
});
