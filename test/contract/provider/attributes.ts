import { describe, expect, test } from 'vitest';
import { gzipSync } from 'node:zlib';
import { bytesOf } from '../../support/bytes.ts';
import type { Attributes } from '../../../src/objects/object.ts';
import type { ProviderFixture } from './fixture.ts';
import { smallestPart, uploadWhole } from './parts.ts';
import { calm, collect, keysIn, put, readAll, recordFor, roomFor } from './room.ts';

const headers = {
  contentType: 'text/plain; charset=utf-8',
  cacheControl: 'private, max-age=60',
  contentDisposition: 'attachment; filename="a b.txt"',
  contentLanguage: 'de, en',
};

const sets: Readonly<Record<string, Attributes>> = {
  'content headers': { ...headers, contentEncoding: 'br', metadata: {} },
  'headers beyond ASCII': {
    ...headers,
    contentDisposition: 'attachment; filename="r\u00e9sum\u00e9.pdf"',
    metadata: {},
  },
  'plain metadata': { contentType: 'image/png', metadata: { owner: 'ada', year: '1843' } },
  'names with hyphens and dots': {
    contentType: 'a/b',
    metadata: { 'x-owner-id': '1', 'a.b': '2', a_b: '3', '9': '4' },
  },
  'names that differ in case': { contentType: 'a/b', metadata: { Name: 'upper', name: 'lower', NAME: 'all' } },
  'names beyond a header': { contentType: 'a/b', metadata: { 'na me': '1', 'n\u00e4me': '2', 'a:b': '3', '': '4' } },
  'values beyond ASCII': { contentType: 'a/b', metadata: { name: 'Zo\u00eb \u{1F600}', line: 'a\r\nb', tab: 'a\tb' } },
  'values with space around, or empty': { contentType: 'a/b', metadata: { space: ' x ', empty: '', commas: 'a, b,c' } },
  'values that look encoded': {
    contentType: 'a/b',
    metadata: { word: '=?UTF-8?B?w6k=?=', percent: '%41+b', quote: '"x"' },
  },
  'six thousand bytes': { contentType: 'a/b', metadata: { big: 'x'.repeat(6_000), small: 'y' } },
  'names of our own entries': {
    contentType: 'a/b',
    metadata: { 'holdfast-sha256': 'f'.repeat(64), holdfast_size: '1' },
  },
};

export function attributeCases(fixture: ProviderFixture): void {
  describe('attributes come back exactly', () => {
    const room = roomFor(fixture);

    test.each(Object.entries(sets))('%s, of a put', async (title, attributes) => {
      const { provider } = room();
      await put(provider, `put/${title}`, 'bytes', { attributes });
      const head = await provider.head(`put/${title}`, calm);
      expect(head.attributes).toEqual(attributes);
      expect(head.record).toEqual(await recordFor(Buffer.from('bytes')));
      await using reader = await provider.read(`put/${title}`, {}, calm);
      expect(reader.head).toMatchObject({ attributes, record: head.record });
    });

    test.each(Object.entries(sets))('%s, of an upload', async (title, attributes) => {
      const { provider, capabilities } = room();
      const bytes = bytesOf(2_000, title);
      await uploadWhole(provider, `upload/${title}`, bytes, smallestPart(capabilities), { attributes });
      const head = await provider.head(`upload/${title}`, calm);
      expect(head.attributes).toEqual(attributes);
      expect(head.record).toEqual(await recordFor(bytes));
    });

    test('none at all', async () => {
      const { provider, expected } = room();
      await put(provider, 'none', 'bytes');
      const { defaultContentType } = expected;
      const invented = defaultContentType === undefined ? {} : { contentType: defaultContentType };
      expect((await provider.head('none', calm)).attributes).toEqual({ ...invented, metadata: {} });
    });

    test('those of the newest write, with nothing left of the last', async () => {
      const { provider } = room();
      const [first, second] = [sets['six thousand bytes'], sets['plain metadata']];
      await put(provider, 'changing', 'first', { ...(first && { attributes: first }) });
      await put(provider, 'changing', 'second', { ...(second && { attributes: second }) });
      expect((await provider.head('changing', calm)).attributes).toEqual(second);
    });

    test('gzip is stored and read as it is', async () => {
      const { provider } = room();
      const bytes = gzipSync(Buffer.from('text '.repeat(1_000)));
      const attributes = { ...headers, contentEncoding: 'gzip', metadata: {} };
      await put(provider, 'gzip/x', bytes, { attributes });
      expect((await readAll(provider, 'gzip/x')).equals(bytes)).toBe(true);
      expect((await readAll(provider, 'gzip/x', { from: 10 })).equals(bytes.subarray(10))).toBe(true);
      expect(await provider.head('gzip/x', calm)).toMatchObject({ size: bytes.length, attributes });
      expect(await collect(provider, { prefix: 'gzip/' })).toMatchObject([{ size: bytes.length }]);
    });

    test('what is kept beside the objects is not listed among them', async () => {
      expect(
        (await keysIn(room().provider)).filter((key) => !/^(put|upload|gzip)\/|^none$|^changing$/.test(key)),
      ).toEqual([]);
    });
  });
}
