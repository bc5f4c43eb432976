import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareKeys, keyToBytes } from '../../../src/objects/key.ts';
import { Cursor, smallestKey } from '../../../src/replication/cursor.ts';
import { printedSeed } from '../../support/seed.ts';

interface Entry {
  readonly key: string;
}

async function* pagesOf(pages: readonly (readonly string[])[]): AsyncGenerator<readonly Entry[]> {
  for (const page of pages) yield page.map((key) => ({ key }));
}

/** Walks streams together, as a pass does. */
async function merged(streams: readonly (readonly (readonly string[])[])[]): Promise<[string, boolean[]][]> {
  const cursors = streams.map((pages) => new Cursor(pagesOf(pages)));
  const seen: [string, boolean[]][] = [];
  for (;;) {
    for (const cursor of cursors) await cursor.settle();
    const key = smallestKey(cursors);
    if (key === undefined) return seen;
    seen.push([key, cursors.map((cursor) => cursor.take(key) !== undefined)]);
  }
}

test('streams meet at every key once, in the order of bytes', async () => {
  const emoji = '\u{1F600}';
  const [a, wide] = ['a', '\uff01'];
  expect(await merged([[[a, wide], [], [emoji]], [[emoji]], [[], [wide]], []])).toEqual([
    ['a', [true, false, false, false]],
    [wide, [true, false, true, false]],
    [emoji, [true, true, false, false]],
  ]);
});

test('a cursor that was closed gives nothing more and ends its stream', async () => {
  let ended = false;
  async function* pages(): AsyncGenerator<readonly Entry[]> {
    try {
      yield [{ key: 'a' }];
      yield [{ key: 'b' }];
    } finally {
      ended = true;
    }
  }
  const cursor = new Cursor(pages());
  await cursor.settle();
  await cursor.close();
  expect([cursor.current, cursor.settled, ended]).toEqual([undefined, true, true]);
});

test('an error of the stream comes out where it is waited for', async () => {
  async function* broken(): AsyncGenerator<readonly Entry[]> {
    yield [{ key: 'a' }];
    throw new Error('broken');
  }
  const cursor = new Cursor(broken());
  await cursor.settle();
  expect(cursor.take('a')).toEqual({ key: 'a' });
  await expect(cursor.settle()).rejects.toThrow('broken');
});

test('random streams: every key once, in order, seen at exactly the streams that have it', async () => {
  const key = fc.string({
    unit: fc.constantFrom('a', '/', '\uff01', '\u{1F600}', '\udc80', '\u{10ffff}'),
    maxLength: 3,
  });
  const stream = fc.tuple(fc.uniqueArray(key, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }));
  await fc.assert(
    fc.asyncProperty(fc.array(stream, { maxLength: 4 }), async (streams) => {
      const sorted = streams.map(([keys]) => keys.toSorted(compareKeys));
      const seen = await merged(sorted.map((keys, n) => paged(keys, streams[n]?.[1] ?? 1)));
      const order = seen.map(([one]) => keyToBytes(one));
      expect(order).toEqual(order.toSorted(Buffer.compare));
      expect(new Set(seen.map(([one]) => one)).size).toBe(seen.length);
      for (const [index, keys] of sorted.entries()) {
        expect(seen.flatMap(([one, at]) => (at[index] === true ? [one] : []))).toEqual(keys);
      }
    }),
    { seed: printedSeed('cursor'), numRuns: 200 },
  );
});

function paged(keys: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(keys.length / size) }, (_, n) => keys.slice(n * size, (n + 1) * size));
}

test('the next page is on its way while the last one is looked at', async () => {
  const asked: number[] = [];
  async function* pages(): AsyncGenerator<readonly Entry[]> {
    for (const number of [1, 2, 3]) {
      asked.push(number);
      yield [{ key: `page ${number}` }];
    }
  }
  const cursor = new Cursor(pages());
  await cursor.settle();
  expect(asked).toEqual([1, 2]);
  cursor.take('page 1');
  await cursor.settle();
  expect([cursor.current?.key, asked]).toEqual(['page 2', [1, 2, 3]]);
});

test('a page that could not be had is met when it is its turn, and by nobody when the cursor is closed before', async () => {
  async function* broken(): AsyncGenerator<readonly Entry[]> {
    yield [{ key: 'a' }];
    throw new Error('broken');
  }
  const [met, left] = [new Cursor(broken()), new Cursor(broken())];
  await Promise.all([met.settle(), left.settle()]);
  await left.close();
  expect(met.take('a')).toEqual({ key: 'a' });
  await expect(met.settle()).rejects.toThrow('broken');
});
