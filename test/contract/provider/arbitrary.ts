import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Key } from '../../../src/objects/key.ts';
import { compareKeys, isReserved, keyFromBytes, keyToBytes } from '../../../src/objects/key.ts';
import { printedSeed } from '../../support/seed.ts';
import type { ProviderFixture } from './fixture.ts';
import type { Room } from './room.ts';
import { calm, collect, expectError, keysIn, openRoom, put, readAll } from './room.ts';

/** Bytes that mean something to one store or another, so that keys collide and nest often. */
const meaningful = fc.constantFrom(...('aA/.%+ \\~\u00e9\u{1F600}\uff01'.match(/./gu) ?? []));

const keys: fc.Arbitrary<Key> = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 16 }),
    fc.string({ unit: meaningful, minLength: 1, maxLength: 8 }),
    fc.uint8Array({ minLength: 1, maxLength: 64 }).map(keyFromBytes),
  )
  .filter((key) => !isReserved(key));

export function arbitraryCases(name: string, fixture: ProviderFixture): void {
  test('any set of keys is listed, read and deleted as it was put', async () => {
    const seed = printedSeed(`${name}, arbitrary keys`);
    const room = await openRoom(fixture);
    const property = fc.asyncProperty(fc.uniqueArray(keys, { minLength: 1, maxLength: 10 }), keys, (set, cut) =>
      expectKept(room, set, cut),
    );
    try {
      await fc.assert(property, { seed, numRuns: room.expected.propertyRuns, endOnFailure: true });
    } finally {
      await room.opened.close();
    }
  });
}

async function expectKept({ provider, capabilities, expected }: Room, set: Key[], cut: Key): Promise<void> {
  const held = set.filter((key) => !expected.refuses(key)).toSorted(compareKeys);
  for (const key of set) {
    if (expected.refuses(key)) await expectError(put(provider, key, 'x'), 'unsupported', 'invalid');
    else await put(provider, key, keyToBytes(key));
  }
  try {
    const seen = (await collect(provider)).map((entry) => entry.key);
    expect(capabilities.listing === 'ordered' ? seen : seen.toSorted(compareKeys)).toEqual(held);
    const rest = await keysIn(provider, { after: cut });
    expect(rest).toEqual(held.filter((key) => compareKeys(key, cut) > 0));
    for (const key of held) expect(await readAll(provider, key)).toEqual(keyToBytes(key));
  } finally {
    for (const key of held) await provider.delete(key, {}, calm);
  }
  expect(await keysIn(provider)).toEqual([]);
}
