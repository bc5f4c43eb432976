import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ObjectInfo } from '../../../src/objects/object.ts';
import { MemoryProvider, memoryCapabilities } from '../../../src/providers/memory/memory.ts';
import { ordered } from '../../../src/providers/ordered.ts';
import type { ListPage, Provider } from '../../../src/providers/provider.ts';
import { calm, collect, expectError } from '../../contract/provider/room.ts';

/** A provider whose listing is these pages of keys. */
function listing(pages: readonly (readonly string[])[], order: 'ordered' | 'unordered'): Provider {
  const provider = new MemoryProvider({ name: 'liar', capabilities: { ...memoryCapabilities, listing: order } });
  async function* list(): AsyncGenerator<ListPage> {
    for (const keys of pages) yield { entries: keys.map(entry), ignored: [{ key: `${keys[0]}?`, reason: 'a link' }] };
  }
  return Object.assign(provider, { list });
}

function entry(key: string, index: number): ObjectInfo {
  const checksums = index % 2 === 0 ? {} : { checksums: { crc32c: 'deadbeef' } };
  return { key, size: 2 ** 45 + index, version: `"${index}"`, modifiedAt: 1_700_000_000_123.5, ...checksums };
}

async function listed(pages: readonly (readonly string[])[], order: 'ordered' | 'unordered'): Promise<string[]> {
  const provider = ordered(listing(pages, order));
  expect(await provider.connect('source', calm)).toMatchObject({ listing: 'ordered' });
  return (await collect(provider)).map(({ key }) => key);
}

/** Temporary databases of SQLite that this process holds open (known on Linux only). */
function openSpools(): string[] {
  if (!existsSync('/proc/self/fd')) return [];
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link.includes('etilqs'));
}

test.each([
  ['within a page', [['a', 'c', 'b']]],
  ['across pages', [['a', 'b'], [], ['a0', 'c']]],
  ['by repeating a key', [['a', 'b'], ['b']]],
  ['by sorting as UTF-16', [['\u{1F600}', '\uff01']]],
  ['by sorting without case', [['a', 'B']]],
  ['by sorting directories first', [['a/b', 'a!']]],
])('a listing that breaks its order %s is abandoned', async (_, pages) => {
  const error = await expectError(listed(pages, 'ordered'), 'invalid');
  expect(error.message).toMatch(/"liar" listed ".*" after ".*"/);
});

test('where a listing can begin counts only as long as it is not sorted here', async () => {
  for (const order of ['ordered', 'unordered'] as const) {
    const { listsAfter } = await ordered(listing([], order)).connect('source', calm);
    expect(listsAfter).toBe(order === 'ordered');
  }
});

test('a listing in order passes as it is', async () => {
  expect(await listed([['a!', 'a/b'], [], ['\uff01', '\u{1F600}', '\u{1F600}\udcff']], 'ordered')).toHaveLength(5);
});

test('an unordered listing is sorted by bytes, and nothing of it is lost', async () => {
  const keys = ['\u{1F600}', 'b', '\uff01', '\udcff', 'a/b', 'a', 'a!', 'B', '\u0000', 'a\u0000'];
  const provider = ordered(listing([keys.slice(0, 4), keys.slice(4)], 'unordered'));
  await provider.connect('source', calm);
  const entries = await collect(provider);
  const expected = ['\u0000', 'B', 'a', 'a\u0000', 'a!', 'a/b', 'b', '\uff01', '\u{1F600}', '\udcff'];
  expect(entries.map(({ key }) => key)).toEqual(expected);
  const given = [...keys.slice(0, 4).map(entry), ...keys.slice(4).map(entry)];
  for (const found of entries) expect(found).toEqual(given.find(({ key }) => key === found.key));
});

test('an unordered listing shows page by page that it goes on while it is sorted', async () => {
  const provider = ordered(listing([['b'], ['a']], 'unordered'));
  await provider.connect('source', calm);
  const pages = await Array.fromAsync(provider.list({}, calm));
  expect(pages.map(({ entries }) => entries.map(({ key }) => key))).toEqual([[], [], ['a', 'b']]);
});

test('what is no object is reported by an unordered listing too', async () => {
  const provider = ordered(listing([['b'], ['a']], 'unordered'));
  await provider.connect('source', calm);
  const ignored: unknown[] = [];
  for await (const page of provider.list({}, calm)) ignored.push(...(page.ignored ?? []));
  expect(ignored).toMatchObject([{ key: 'b?' }, { key: 'a?' }]);
});

test('a key that an unordered listing repeats ends it', async () => {
  const error = await expectError(listed([['b', 'a'], ['b']], 'unordered'), 'invalid');
  expect(error).toMatchObject({ key: 'b' });
});

test('a long listing goes through a file, which is gone when it ends, breaks off or fails', async () => {
  const pages = Array.from({ length: 40 }, (_, page) =>
    Array.from({ length: 1_000 }, (_, n) => `${(n * 7_919 + page) % 40_000}/${'k'.repeat(300)}/${page}-${n}`),
  );
  const provider = ordered(listing(pages, 'unordered'));
  await provider.connect('source', calm);
  let count = 0;
  for await (const { entries } of provider.list({}, calm)) {
    count += entries.length;
    if (entries.length > 0 && existsSync('/proc/self/fd')) expect(openSpools()).toHaveLength(1);
  }
  expect(count).toBe(40_000);
  expect(openSpools()).toEqual([]);
  for await (const { entries } of provider.list({}, calm)) if (entries.length > 0) break;
  expect(openSpools()).toEqual([]);
  await expectError(listed([...pages, ['x', 'x']], 'unordered'), 'invalid');
  expect(openSpools()).toEqual([]);
});

test('an abort ends a sorted listing between its pages', async () => {
  const pages = [Array.from({ length: 2_500 }, (_, n) => `${n}`)];
  const provider = ordered(listing(pages, 'unordered'));
  await provider.connect('source', calm);
  const controller = new AbortController();
  const reading = (async () => {
    for await (const { entries } of provider.list({}, controller.signal)) if (entries.length > 0) controller.abort();
  })();
  await expectError(reading, 'aborted');
});
