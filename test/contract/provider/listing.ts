import { describe, expect, test } from 'vitest';
import type { Key } from '../../../src/objects/key.ts';
import { compareKeys } from '../../../src/objects/key.ts';
import type { ListOptions } from '../../../src/providers/provider.ts';
import type { ProviderFixture } from './fixture.ts';
import type { Room } from './room.ts';
import { calm, collect, expectError, put, roomFor } from './room.ts';

/** The keys listed, which must ascend where the provider says so, and never repeat. */
async function listed({ provider, capabilities }: Room, options: ListOptions = {}): Promise<Key[]> {
  const keys = (await collect(provider, options)).map((entry) => entry.key);
  const sorted = keys.toSorted(compareKeys);
  expect(new Set(keys).size, 'no key twice').toBe(keys.length);
  if (capabilities.listing === 'ordered') expect(keys).toEqual(sorted);
  return sorted;
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  const workers = Array.from({ length: 16 }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  });
  await Promise.all(workers);
}

export function listingCases(fixture: ProviderFixture): void {
  describe('list', () => {
    const room = roomFor(fixture);
    const keys = [
      'a',
      'a!',
      'a/',
      'a/b',
      'a0',
      'ab',
      'abc',
      'abc/d',
      'b/1',
      'b/10',
      'b/2',
      'z',
      '\u00e9',
      '\uff01',
      '\u{1F600}',
    ];
    const lists = (options: ListOptions): Promise<Key[]> => listed(room(), options);

    test('of nothing is empty', async () => {
      expect(await lists({})).toEqual([]);
      expect(await lists({ prefix: 'none/', after: 'none/x' })).toEqual([]);
    });

    test('is in the order of the bytes', async () => {
      const held = keys.filter((key) => !room().expected.refuses(key));
      for (const key of held.toReversed()) await put(room().provider, key, key);
      expect(await lists({})).toEqual(held.toSorted(compareKeys));
    });

    test.each([
      ['ab', ['ab', 'abc', 'abc/d']],
      ['a/', ['a/', 'a/b']],
      ['b/1', ['b/1', 'b/10']],
      ['abc/d/', []],
      ['\u{1F600}', ['\u{1F600}']],
      ['%', []],
      ['../', []],
      ['/', []],
    ])('with the prefix %j, which need not end where a name does', async (prefix, expected) => {
      const held = expected.filter((key) => !room().expected.refuses(key));
      expect(await lists({ prefix })).toEqual(held);
    });

    test.each([...keys, '', '!', 'a\u0000', 'aa', 'b', 'b/', 'zz', '\ufffd', '\u{10ffff}'])(
      'after %j',
      async (after) => {
        const held = keys.filter((key) => !room().expected.refuses(key)).toSorted(compareKeys);
        expect(await lists({ after })).toEqual(held.filter((key) => compareKeys(key, after) > 0));
      },
    );

    test.each([
      ['b/', 'b/1', ['b/10', 'b/2']],
      ['b/', 'a', ['b/1', 'b/10', 'b/2']],
      ['b/', 'b', ['b/1', 'b/10', 'b/2']],
      ['b/', 'b/2', []],
      ['b/', 'c', []],
      ['ab', 'ab', ['abc', 'abc/d']],
      ['b/', '\u{1F600}', []],
    ])('with the prefix %j after %j', async (prefix, after, expected) => {
      expect(await lists({ prefix, after })).toEqual(expected);
    });
  });

  describe('list over many pages', () => {
    const room = roomFor(fixture);

    test('yields every object exactly once, in order, also beside writes and deletes', async () => {
      const { provider, capabilities, expected } = room();
      const kept = Array.from({ length: expected.pageCrossing }, (_, index) => `n/${index}`);
      const doomed = ['n/0-doomed', 'n/5-doomed', 'n/9-doomed'];
      await inParallel([...kept, ...doomed], (key) => put(provider, key, 'x'));
      const whole = [...kept, ...doomed].toSorted(compareKeys);
      expect(await listed(room(), { prefix: 'n/' })).toEqual(whole);
      expect(await listed(room(), { after: 'n/5' })).toEqual(whole.filter((key) => compareKeys(key, 'n/5') > 0));

      const seen: Key[] = [];
      let pages = 0;
      for await (const page of provider.list({ prefix: 'n/' }, calm)) {
        pages += page.entries.length === 0 ? 0 : 1;
        seen.push(...page.entries.map((entry) => entry.key));
        if (pages !== 1) continue;
        for (const key of doomed) await provider.delete(key, {}, calm);
        const added = ['n/', 'n/1-new', 'n/5-new', 'n/9-new'].filter((key) => !expected.refuses(key));
        for (const key of added) await put(provider, key, 'x');
      }
      expect(pages, 'the fixture makes the listing cross a page').toBeGreaterThan(1);
      expect(new Set(seen).size, 'no key twice').toBe(seen.length);
      expect(seen.filter((key) => /^n\/\d+$/.test(key)).toSorted(compareKeys)).toEqual(kept.toSorted(compareKeys));
      if (capabilities.listing === 'ordered') expect(seen).toEqual(seen.toSorted(compareKeys));
    });

    test('is ended by a signal that aborts between its pages', async () => {
      const controller = new AbortController();
      const reading = (async () => {
        for await (const { entries } of room().provider.list({ prefix: 'n/' }, controller.signal)) {
          if (entries.length > 0) controller.abort();
        }
      })();
      await expectError(reading, 'aborted');
    });

    test('may be left after the first page', async () => {
      const { provider } = room();
      for (let round = 0; round < 3; round += 1) {
        for await (const _ of provider.list({}, calm)) break;
      }
      expect((await listed(room(), { prefix: 'n/1' })).length).toBeGreaterThan(0);
    });
  });
}
