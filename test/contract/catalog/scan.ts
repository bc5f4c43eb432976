import { expect, test } from 'vitest';
import type { Finding } from '../../../src/catalog/findings.ts';
import type { ObjectRow } from '../../../src/catalog/rows.ts';
import { compareKeys, keyFromBytes, keyToBytes, type Key } from '../../../src/objects/key.ts';
import { attributes, Bench, policy, policyRow, sha256, targets, version } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

/** Keys whose order by bytes differs from other orders, or that other stores change. */
const keys = [
  ' ',
  '../x',
  'A',
  'a',
  'a.',
  'a/',
  'a//b',
  'a/b',
  'a\u0000b',
  'é',
  'e\u0301',
  '\uff01',
  '\u{1f600}',
  '\u{10ffff}x',
  keyFromBytes(Uint8Array.of(0x61, 0xff)),
  keyFromBytes(Uint8Array.of(0xc3)),
  keyFromBytes(Uint8Array.of(0xff, 0xff)),
  keyFromBytes(Uint8Array.of(0xff, 0xff, 0x01)),
  'k'.repeat(1024),
];

export function scanCases(create: CreateStore): void {
  test('scan and outline yield every key as it was given, in byte order', async () => {
    await using bench = await Bench.create(create);
    for (const key of keys) await bench.add(key);
    const expected = [...keys].sort(compareKeys);
    expect((await scanned(bench, '')).map((object) => object.key)).toEqual(expected);
    const outlines = (await Array.fromAsync(bench.catalog.outline(policy, { prefix: '' }))).flat();
    expect(outlines.map((object) => object.key)).toEqual(expected);
  });

  test('a prefix is one of bytes', async () => {
    await using bench = await Bench.create(create);
    for (const key of keys) await bench.add(key);
    for (const prefix of [
      'a',
      'a/',
      '\u{1f600}',
      keyFromBytes(Uint8Array.of(0xff)),
      keyFromBytes(Uint8Array.of(0xc3)),
    ]) {
      const bytes = keyToBytes(prefix);
      const expected = keys.filter((key) => keyToBytes(key).subarray(0, bytes.length).equals(bytes)).sort(compareKeys);
      expect((await scanned(bench, prefix)).map((object) => object.key)).toEqual(expected);
      expect((await bench.catalog.counts(policy, { prefix })).objects).toBe(expected.length);
      const outstanding = await bench.catalog.outstanding(policy, { prefix, targets });
      expect(outstanding.due).toBe(expected.length * targets.length);
    }
  });

  test('an object comes with all that is known of it and of its copies', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('a');
    const [object] = await scanned(bench, '');
    expect(object).toMatchObject({ ...version('v1'), key: 'a', state: 'present', sha256, attributes, observed: null });
    expect(object?.checksums).toEqual({ sha256, crc32c: '0a0b0c0d' });
    expect(new Set(object?.copies.map((copy) => copy.target))).toEqual(new Set(targets));
    expect(object).toEqual(await bench.object('a'));
  });

  test('all pages together hold every object once, also while others are recorded', async () => {
    await using bench = await Bench.create(create);
    const name = (index: number): string => `k${String(index).padStart(5, '0')}`;
    const findings = Array.from({ length: 2500 }, (_, index) => name(index * 2));
    await bench.record(...findings.map((key) => ({ kind: 'new' as const, key, object: version('v1'), found: {} })));
    const seen: string[] = [];
    for await (const page of bench.catalog.scan(policy, {})) {
      expect(page.length).toBeLessThanOrEqual(1000);
      for (const object of page) {
        seen.push(object.key);
        expect(object.copies).toHaveLength(targets.length);
      }
      await bench.add(name(seen.length * 2 - 1));
    }
    expect(seen.filter((key) => findings.includes(key))).toEqual(findings);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('the key so many further on is counted below the prefix and among the keys of the policy alone', async () => {
    const other = 'letters';
    await using bench = await Bench.create(create, [policyRow, { ...policyRow, name: other }]);
    const news = (key: string): Finding => ({ kind: 'new', key, object: version('v1'), found: {} });
    const apart = keys.filter((_, index) => index % 3 === 0);
    await bench.record(...keys.map(news));
    await bench.catalog.record(other, apart.map(news));
    for (const [name, held] of [[policy, keys] as const, [other, apart] as const]) {
      for (const prefix of ['', 'a', 'a/', keyFromBytes(Uint8Array.of(0xff)), 'none']) {
        for (const after of ['', ...keys, 'aa', '\u{10ffff}']) await expectFurtherOn(bench, name, held, prefix, after);
      }
    }
  });

  test('inspect knows no object that was never recorded', async () => {
    await using bench = await Bench.create(create);
    expect(await bench.catalog.inspect(policy, 'a')).toBeUndefined();
  });
}

/** For every number there may be, and one more. */
async function expectFurtherOn(
  bench: Bench,
  name: string,
  held: readonly Key[],
  prefix: Key,
  after: Key,
): Promise<void> {
  const start = keyToBytes(prefix);
  const below = held.filter((key) => keyToBytes(key).subarray(0, start.length).equals(start));
  const rest = below.filter((key) => compareKeys(key, after) > 0).sort(compareKeys);
  const counts = Array.from({ length: rest.length + 1 }, (_, index) => index + 1);
  const found = counts.map(async (count) => await bench.catalog.furtherOn(name, { prefix, after, count }));
  expect({ name, prefix, after, found: await Promise.all(found) }).toEqual({
    ...{ name, prefix, after },
    found: [...rest, undefined],
  });
}

async function scanned(bench: Bench, prefix: string): Promise<readonly ObjectRow[]> {
  const pages = await Array.fromAsync(bench.catalog.scan(policy, { prefix }));
  return pages.flat();
}
