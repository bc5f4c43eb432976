import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Key } from '../../../src/objects/key.ts';
import { compareKeys, keyFromBytes } from '../../../src/objects/key.ts';
import type { ListOptions, ListPage } from '../../../src/providers/provider.ts';
import { encodedKeys } from '../../../src/providers/encoded-keys.ts';
import { decodeKey, encodeKey, encodedPrefix } from '../../../src/providers/key-encoding.ts';
import { MemoryBucket } from '../../../src/providers/memory/bucket.ts';
import { MemoryProvider } from '../../../src/providers/memory/memory.ts';
import { bytesOf } from '../../support/bytes.ts';
import { printedSeed } from '../../support/seed.ts';
import { uploadWhole } from '../../contract/provider/parts.ts';
import { calm, collect, expectAbsent, expectError, keysIn, put, readAll } from '../../contract/provider/room.ts';

/** Keys with an "!" are encoded. The provider below refuses those with "!!" and, as some do, takes the others. */
function opened(maxKeyBytes = 100, pageSize = 3) {
  const bucket = new MemoryBucket();
  const refuses = (key: Key): string | undefined => (key.includes('!!') ? 'it shouts' : undefined);
  const inner = new MemoryProvider({ bucket, refuses, pageSize });
  return { bucket, inner, provider: encodedKeys(inner, (key) => !key.includes('!'), maxKeyBytes) };
}

test('names are the hex of the bytes, and keep their order', () => {
  expect(encodeKey('a/\u00e9')).toBe(`${encodedPrefix}612fc3a9`);
  const seed = printedSeed('encodeKey');
  const keys = fc.uint8Array({ minLength: 1, maxLength: 20 }).map(keyFromBytes);
  const property = fc.property(keys, keys, (a, b) => {
    expect(decodeKey(encodeKey(a))).toBe(a);
    expect(Math.sign(compareKeys(encodeKey(a), encodeKey(b)))).toBe(Math.sign(compareKeys(a, b)));
  });
  fc.assert(property, { seed, numRuns: 300 });
});

test.each(['', 'x', 'AB', 'abc', 'zz', '61/62'])('%j is no encoded name', (hex) => {
  expect(decodeKey(encodedPrefix + hex)).toBeUndefined();
});

test('an empty page is passed on: it tells that the listing goes on', async () => {
  const inner = new MemoryProvider({ bucket: new MemoryBucket() });
  async function* list({ prefix = '' }: ListOptions): AsyncGenerator<ListPage> {
    if (prefix === encodedPrefix) return;
    const one = { key: 'a', size: 1, version: 'v', modifiedAt: 0 };
    for (const entries of [[], [], [one]]) yield { entries };
  }
  const provider = encodedKeys(Object.assign(inner, { list }), () => true, 100);
  const pages = await Array.fromAsync(provider.list({}, calm));
  expect(pages.map(({ entries }) => entries.length)).toEqual([0, 0, 1]);
});

test('only keys that cannot be held are encoded, and keys of our own never', async () => {
  const { bucket, provider } = opened();
  for (const key of ['a', 'a!', '.holdfast/x!']) await put(provider, key, key);
  expect(await put(provider, 'a', 'again')).not.toHaveProperty('name');
  expect(await put(provider, 'a!', 'again')).toMatchObject({ name: `${encodedPrefix}6121` });
  await uploadWhole(provider, 'u!', bytesOf(10), 10);
  expect([...bucket.objects.keys()]).toEqual(['a', `${encodedPrefix}6121`, '.holdfast/x!', `${encodedPrefix}7521`]);
  expect(await keysIn(provider)).toEqual(['a', 'a!', 'u!']);
  expect(await keysIn(provider, { prefix: encodedPrefix })).toEqual([`${encodedPrefix}6121`, `${encodedPrefix}7521`]);
});

test('a key too long to be encoded is refused by name', async () => {
  const { bucket, provider } = opened(encodedPrefix.length + 6);
  await put(provider, 'ab!', 'fits');
  const error = await expectError(put(provider, 'abc!', 'x'), 'unsupported');
  expect(error).toMatchObject({ key: 'abc!' });
  expect(error.message).toContain(`"abc!" cannot be kept at "memory"`);
  await expectAbsent(provider, 'abc!');
  await provider.delete('abc!', {}, calm);
  expect(bucket.objects.size).toBe(1);
});

test('an object that stands there natively is seen, and gives way to an encoded copy', async () => {
  const { inner, provider } = opened();
  await put(inner, 'x!', 'native');
  expect(String(await readAll(provider, 'x!'))).toBe('native');
  await expectError(put(provider, 'x!', 'y', { precondition: { absent: true } }), 'conflict');
  const { version } = await provider.head('x!', calm);
  await put(provider, 'x!', 'encoded', { precondition: { version } });
  expect(String(await readAll(provider, 'x!'))).toBe('encoded');
  expect(await collect(provider)).toMatchObject([{ key: 'x!', size: 'encoded'.length }]);
  await expectError(provider.delete('x!', { precondition: { version } }, calm), 'conflict');
  await provider.delete('x!', {}, calm);
  await expectAbsent(provider, 'x!');
  expect(await keysIn(inner, { prefix: encodedPrefix })).toEqual([]);
});

test('a delete of a version takes the object that has it, native or encoded', async () => {
  const { inner, provider } = opened();
  const native = await put(inner, 'x!', 'native');
  const encoded = await put(provider, 'x!', 'encoded');
  await provider.delete('x!', { precondition: { version: encoded.version } }, calm);
  expect(String(await readAll(provider, 'x!'))).toBe('native');
  await provider.delete('x!', { precondition: { version: native.version } }, calm);
  await expectAbsent(provider, 'x!');
});

test('a failure that is not about the key is not taken for its absence', async () => {
  const { inner, provider } = opened();
  await put(provider, 'x!', 'x');
  const down = new AbortController();
  down.abort();
  await expectError(provider.head('x!', down.signal), 'aborted');
  await expectError(inner.head('x!', down.signal), 'aborted');
});

test('foreign names among the encoded ones are reported', async () => {
  const { inner, provider } = opened();
  const odd = [`${encodedPrefix}junk`, encodeKey('plain'), encodeKey('.holdfast/x!')];
  for (const name of odd) await put(inner, name, 'x');
  await put(provider, 'x!', 'x');
  const ignored: Key[] = [];
  for await (const page of provider.list({}, calm)) ignored.push(...(page.ignored ?? []).map(({ key }) => key));
  expect(ignored.toSorted(compareKeys)).toEqual(odd.toSorted(compareKeys));
  expect(await keysIn(provider)).toEqual(['x!']);
});

test('a listing asks the provider for nothing that it may be unable to express', async () => {
  const { inner, provider } = opened();
  const asked: ListOptions[] = [];
  const list = inner.list.bind(inner);
  inner.list = (options, signal) => {
    asked.push(options);
    return list(options, signal);
  };
  const held = ['a\u0001x', 'a\u0001y!', 'a\u0002', 'ax', '\u2603', '\u2603!'];
  for (const key of held) await put(provider, key, 'x');
  expect(await keysIn(provider, { prefix: 'a\u0001' })).toEqual(['a\u0001x', 'a\u0001y!']);
  expect(await keysIn(provider, { prefix: 'a', after: 'a\u0001x' })).toEqual(['a\u0001y!', 'a\u0002', 'ax']);
  // The first byte of the snowman is the prefix of its bytes, but not of the key as it is spelt.
  expect(await keysIn(provider, { prefix: '\udce2' })).toEqual([]);
  for (const options of asked) expect(JSON.stringify(options)).not.toContain('\\u');
});

test('both kinds are merged in order whatever the pages, prefix and start', async () => {
  const seed = printedSeed('merged listings');
  const keys = fc.string({ unit: fc.constantFrom('a', '!', '/', '\u00e9', '\u{1F600}'), minLength: 1, maxLength: 4 });
  const some = fc.uniqueArray(keys, { maxLength: 20 });
  const property = fc.asyncProperty(
    some,
    some,
    keys,
    keys,
    fc.integer({ min: 1, max: 5 }),
    async (set, natives, ...rest) => {
      const [prefix, after, pageSize] = rest;
      const { inner, provider } = opened(100, pageSize);
      for (const key of set) await put(provider, key, 'encoded where need be');
      const foreign = natives.filter((key) => !key.includes('!!'));
      for (const key of foreign) await put(inner, key, 'native');
      const held = [...new Set([...set, ...foreign])].toSorted(compareKeys);
      const sees = async (options: object): Promise<Key[]> => (await collect(provider, options)).map(({ key }) => key);
      expect(await sees({})).toEqual(held);
      const tail = held.filter((key) => compareKeys(key, after) > 0);
      expect(await sees({ after })).toEqual(tail);
      expect(await sees({ prefix, after })).toEqual(tail.filter((key) => key.startsWith(prefix)));
    },
  );
  await fc.assert(property, { seed, numRuns: 60 });
});

test('a provider that does not list in order is refused', async () => {
  const provider = encodedKeys(new MemoryProvider({ capabilities: { listing: 'unordered' } }), () => true, 100);
  await expectError(provider.connect('source', calm), 'unsupported');
});
