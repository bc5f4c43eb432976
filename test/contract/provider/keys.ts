import { describe, expect, test } from 'vitest';
import type { Key } from '../../../src/objects/key.ts';
import { compareKeys, keyFromBytes, keyToBytes } from '../../../src/objects/key.ts';
import { start } from './parts.ts';
import type { ProviderFixture } from './fixture.ts';
import { calm, collect, expectAbsent, expectError, keysIn, openRoom, put, readAll, roomFor } from './room.ts';

/** Keys that have broken one store or another. */
export const awkwardKeys: readonly Key[] = [
  ...['a', 'a/b', 'a/b/c', 'a/', 'a//b', 'a//', '/a', '/', '//', 'a/b/', 'a b', ' a', 'a '],
  ...['.', '..', '../x', 'a/../b', 'a/./b', './a', 'a/..', 'a/.', '...', 'a.', 'a./b', '.a', '~', '-', '--x'],
  ...['Name', 'name', 'NAME', 'e\u0301t', '\u00e9t', '\u212b', '\u00c5', '\uac00', '\u1100\u1161'],
  ...['\u0001', 'a\nb', 'a\rb', 'a\r\nb', 'a\tb', '\u007f', 'a\u0000b', '\u0085', '\u200b', '\u2028', '\ufeff'],
  ...['a\\b', '\\', 'a%2Fb', '%', '%%', '%00', '%2e%2e', 'a+b', 'a?b=c', '?', 'a#b', 'a&b', '&amp;', 'a;b', 'a:b'],
  ...['"', "'", '<>', ']]>', '*', '|', '$x', '{}', '[]', '^', '`', '!', '=', ',', '@'],
  ...['\u{1F600}', '\uff01', '\ufffd', '\ufffe', '\uffff', '\u{10ffff}', '\ud7ff', '\ue000', '\u{10000}'],
  ...['CON', 'aux.txt', 'NUL', 'com1', 'index.html', 'soap', '.well-known/acme-challenge/x'],
  ...['.holdfast', '.holdfastly', '.holdfast0', '.HOLDFAST/x', 'a/.holdfast/b', 'holdfast/'],
  ...['s'.repeat(300), `${'s'.repeat(300)}/${'t'.repeat(300)}`, `${'d/'.repeat(511)}ee`, 'k'.repeat(1_024)],
  ...['\u20ac'.repeat(341) + 'x', '\u{1F600}'.repeat(256), '\u00fc'.repeat(512)],
  ...[[0xff], [0x61, 0x80], [0xc3, 0x28], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98], [0xc0, 0xaf]].map(
    (bytes) => keyFromBytes(Uint8Array.from(bytes)),
  ),
];

export function keyCases(fixture: ProviderFixture): void {
  describe('keys are opaque bytes', () => {
    const room = roomFor(fixture);
    test.each(awkwardKeys.map((key) => [titleOf(key), key]))('%s', async (_, key) => {
      const { provider, expected } = room();
      if (expected.refuses(key)) await expectRefused(provider, key);
      else await expectRoundTrip(provider, key);
    });
  });

  describe('keys beside each other', () => {
    const room = roomFor(fixture);
    test('the reserved key space is no place to hide user data, and no key outside it is hidden', async () => {
      const { provider } = room();
      for (const key of ['.holdfast/x', '.holdfast', '.holdfast-y']) await put(provider, key, key);
      expect(await keysIn(provider)).toEqual(['.holdfast', '.holdfast-y']);
      expect(await keysIn(provider, { prefix: '.holdfast' })).toEqual(['.holdfast', '.holdfast-y']);
      expect(await keysIn(provider, { prefix: '.holdfast/x' })).toEqual(['.holdfast/x']);
      for (const key of ['.holdfast/x', '.holdfast', '.holdfast-y']) await provider.delete(key, {}, calm);
    });

    const neighbours = ['a', 'a/b', 'a/b/c'];
    test.each([[neighbours], [neighbours.toReversed()], [['a/b', 'a/b/c', 'a']]])('%j', async (keys) => {
      const { provider } = room();
      for (const key of keys) await put(provider, key, `<${key}>`);
      expect(await keysIn(provider)).toEqual(neighbours);
      for (const [index, key] of keys.entries()) {
        expect(String(await readAll(provider, key))).toBe(`<${key}>`);
        await provider.delete(key, {}, calm);
        expect(await keysIn(provider)).toEqual(keys.slice(index + 1).toSorted(compareKeys));
      }
    });
  });

  describe('all keys at once', () => {
    test.each([
      ['in order', 1],
      ['backwards', -1],
    ])('written %s, none is taken for another', async (_, direction) => {
      const room = await openRoom(fixture);
      try {
        await expectNoCollisions(room.provider, room.expected.refuses, direction);
      } finally {
        await room.opened.close();
      }
    });
  });
}

type Keeper = Awaited<ReturnType<typeof openRoom>>['provider'];

async function expectRoundTrip(provider: Keeper, key: Key): Promise<void> {
  const stored = await put(provider, key, contentOf(key));
  if (stored.name !== undefined) expect(stored.name).toMatch(/^\.holdfast\/keys\//);
  const head = await provider.head(key, calm);
  expect(head.key).toBe(key);
  expect(head.version).toBe(stored.version);
  expect(await readAll(provider, key)).toEqual(contentOf(key));
  const listed = await collect(provider);
  expect(listed.map((entry) => [entry.key, entry.version])).toEqual([[key, stored.version]]);
  expect(await keysIn(provider, { prefix: key })).toEqual([key]);
  expect(await keysIn(provider, { after: key })).toEqual([]);
  await provider.delete(key, {}, calm);
  await expectAbsent(provider, key);
}

async function expectRefused(provider: Keeper, key: Key): Promise<void> {
  const refused = await expectError(put(provider, key, 'x'), 'unsupported', 'invalid');
  expect(refused.key).toBe(key);
  await expectError(start(provider, key, { size: 10, partSize: 10 }), 'unsupported', 'invalid');
  await expectError(provider.head(key, calm), 'not-found', 'unsupported', 'invalid');
  await expectError(provider.read(key, {}, calm), 'not-found', 'unsupported', 'invalid');
  expect(await keysIn(provider)).toEqual([]);
}

async function expectNoCollisions(provider: Keeper, refuses: (key: Key) => boolean, direction: number): Promise<void> {
  const keys = awkwardKeys.filter((key) => !refuses(key)).toSorted(compareKeys);
  for (const key of direction > 0 ? keys : keys.toReversed()) await put(provider, key, contentOf(key));
  expect(await keysIn(provider)).toEqual(keys);
  for (const key of keys)
    expect(await readAll(provider, key), `what was put under ${titleOf(key)}`).toEqual(contentOf(key));
  const [gone, kept] = [keys.filter((_, index) => index % 2 === 0), keys.filter((_, index) => index % 2 === 1)];
  for (const key of gone) await provider.delete(key, {}, calm);
  expect(await keysIn(provider)).toEqual(kept);
}

/** Tells which key it was put under. */
function contentOf(key: Key): Buffer {
  return keyToBytes(`<${key}>`);
}

function titleOf(key: Key): string {
  const shown = JSON.stringify(key).replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
  return shown.length > 60 ? `${shown.slice(0, 50)}… (${Buffer.byteLength(key)} bytes)` : shown;
}
