import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProviderError } from '../../../src/objects/errors.ts';
import { compareKeys, type Key } from '../../../src/objects/key.ts';
import { ordered } from '../../../src/providers/ordered.ts';
import type { FurtherOn, ListPage, Provider } from '../../../src/providers/provider.ts';
import { ranged, type RangedOptions } from '../../../src/providers/ranged.ts';
import { PagedBucket, type PageRequest } from '../../support/paged-bucket.ts';
import { printedSeed } from '../../support/seed.ts';

const calm = new AbortController().signal;
const numbered = (count: number): Key[] => Array.from({ length: count }, (_, n) => `k${String(n).padStart(5, '0')}`);

/** As a catalog of these keys answers, at once or after a while. */
function knowing(keys: Iterable<Key>, turns: () => number = () => 0): FurtherOn {
  const sorted = [...new Set(keys)].sort(compareKeys);
  return async (after, count) => {
    for (let turn = turns(); turn > 0; turn -= 1) await setImmediate();
    return sorted.filter((key) => compareKeys(key, after) > 0)[count - 1];
  };
}

async function byRanges({ provider }: PagedBucket, options: RangedOptions = {}): Promise<Provider> {
  const all = ranged(ordered(provider), (most) => most, options);
  await all.connect('source', calm);
  return all;
}

async function listing(
  bucket: PagedBucket,
  known: Iterable<Key>,
  options: RangedOptions = {},
): Promise<readonly ListPage[]> {
  const provider = await byRanges(bucket, options);
  return await Array.fromAsync(provider.list({ furtherOn: knowing(known) }, calm));
}

const byUnits = (a: Key, b: Key): number => (a < b ? -1 : a > b ? 1 : 0);
const keysOf = (pages: readonly ListPage[]): Key[] => pages.flatMap(({ entries }) => entries.map(({ key }) => key));
const ignoredOf = (pages: readonly ListPage[]): Key[] =>
  pages.flatMap(({ ignored = [] }) => ignored.map(({ key }) => key));

describe('a listing by ranges', () => {
  test('gives every key once, in order, and reads ranges side by side', async () => {
    const keys = numbered(400);
    const bucket = new PagedBucket(keys, 10);
    bucket.onRequest = async () => await setImmediate();
    expect(keysOf(await listing(bucket, keys, { keys: 40 }))).toEqual(keys);
    expect(bucket.most).toBe(4);
  });

  test('of an unchanged set costs hardly more requests than one chain', async () => {
    const keys = numbered(20_000);
    const bucket = new PagedBucket(keys, 100);
    await listing(bucket, keys, { keys: 400 });
    expect(bucket.requests.length).toBeGreaterThan(200);
    expect(bucket.requests.length).toBeLessThanOrEqual(206);
  });

  test.each([
    ['a third of the keys is known', (n: number) => n % 3 === 0, () => true],
    ['for every key there are nine more known that are gone', () => true, (n: number) => n % 10 === 0],
  ])('costs little more when %s', async (_, isKnown, isThere) => {
    const keys = numbered(20_000);
    const there = keys.filter((__, n) => isThere(n));
    const bucket = new PagedBucket(there, 20);
    const pages = await listing(
      bucket,
      keys.filter((__, n) => isKnown(n)),
      { keys: 80 },
    );
    expect(keysOf(pages)).toEqual(there);
    expect(bucket.requests.length).toBeLessThanOrEqual((there.length / 20) * 1.12 + 8);
  });

  test('where nothing is known is one chain', async () => {
    const keys = numbered(100);
    const bucket = new PagedBucket(keys, 10);
    expect(keysOf(await listing(bucket, [], { keys: 20 }))).toEqual(keys);
    expect([bucket.requests.length, bucket.most]).toEqual([10, 1]);
  });

  test('of a provider that lists from the start in any case is one chain', async () => {
    const bucket = new PagedBucket(numbered(100), 10);
    Object.assign(bucket.provider, {
      connect: async () => await Promise.resolve({ listing: 'ordered', listsAfter: false }),
    });
    await listing(bucket, numbered(100), { keys: 20 });
    expect([bucket.requests.length, bucket.most]).toEqual([10, 1]);
  });

  test('of a provider that is sorted here is one chain', async () => {
    const bucket = new PagedBucket(numbered(100), 10);
    Object.assign(bucket.provider, {
      connect: async () => await Promise.resolve({ listing: 'unordered', listsAfter: true }),
    });
    await listing(bucket, numbered(100), { keys: 20 });
    expect([bucket.requests.length, bucket.most]).toEqual([10, 1]);
  });

  test('asks for no page more where a page ends with the boundary', async () => {
    const keys = numbered(64);
    const bucket = new PagedBucket(keys, 8);
    const provider = await byRanges(bucket, { keys: 16 });
    // Sixteen further on from the eighth, and so on: every range is whole pages.
    const furtherOn: FurtherOn = async (after) => await Promise.resolve(keys[keys.indexOf(after) + 16]);
    expect(keysOf(await Array.fromAsync(provider.list({ furtherOn }, calm)))).toEqual(keys);
    expect(bucket.requests.length).toBe(8);
  });

  test('of which a range failed while it was read ahead tries it once more when its turn comes', async () => {
    const keys = numbered(400);
    const bucket = new PagedBucket(keys, 10);
    let failures = 0;
    bucket.onRequest = async ({ after }) => {
      for (let turn = 0; turn < 30 && (after === undefined || after < 'k00100'); turn += 1) await setImmediate();
      if (after === undefined || after < 'k00150' || failures === 2) return;
      failures += 1;
      throw new ProviderError('unavailable', 'for a moment', { provider: 'paged' });
    };
    expect(keysOf(await listing(bucket, keys, { keys: 40 }))).toEqual(keys);
    expect(failures).toBe(2);
  });

  test.each([
    ['by units of UTF-16', ['a', 'b', 'c', '\u{1F600}', '\uff01', '\uff02'], byUnits],
    ['in no order', ['a', 'c', 'b', 'd', 'e'], (a: Key, b: Key): number => 'acbde'.indexOf(a) - 'acbde'.indexOf(b)],
  ])('that is read ahead fails where it lists %s, and leaves nothing out', async (_, keys, order) => {
    const bucket = new PagedBucket(keys, 2);
    bucket.order = order;
    bucket.beginsBy = compareKeys;
    const slowly = async (): Promise<void> => {
      const provider = await byRanges(bucket, { keys: 40 });
      for await (const page of provider.list({ furtherOn: knowing([]) }, calm)) {
        expect(page.entries.length).toBeGreaterThan(0);
        for (let turn = 0; turn < 20; turn += 1) await setImmediate();
      }
    };
    await expect(slowly()).rejects.toMatchObject({ code: 'invalid' });
  });

  test('holds no more than it may, however slowly it is taken', async () => {
    const keys = numbered(2_000);
    const bucket = new PagedBucket(keys, 10);
    const provider = await byRanges(bucket, { keys: 40, atOnce: 3 });
    let taken = 0;
    for await (const { entries } of provider.list({ furtherOn: knowing(keys) }, calm)) {
      taken += entries.length;
      for (let turn = 0; turn < 20; turn += 1) await setImmediate();
      // What is given was cut: up to a page of each range was read twice.
      const read = bucket.requests.length * 10;
      expect(read - taken).toBeLessThanOrEqual(3 * (40 + 10) + taken / 30);
    }
    expect(taken).toBe(2_000);
  });

  test('the range whose turn it is is asked first', async () => {
    const keys = numbered(400);
    const bucket = new PagedBucket(keys, 10);
    // Ranges ahead never answer: what stands before them comes all the same.
    bucket.onRequest = async ({ after, signal }) => {
      if (after !== undefined && after > 'k00080') await untilAborted(signal);
    };
    const provider = await byRanges(bucket, { keys: 40 });
    const seen: Key[] = [];
    const controller = new AbortController();
    const reading = (async () => {
      for await (const { entries } of provider.list({ furtherOn: knowing(keys) }, controller.signal))
        seen.push(...entries.map(({ key }) => key));
    })();
    for (let turn = 0; turn < 100; turn += 1) await setImmediate();
    expect(seen).toEqual(keys.slice(0, seen.length));
    expect(seen.length).toBeGreaterThan(80);
    controller.abort();
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('a range ahead that fails', () => {
  test('is met after all that comes before it', async () => {
    const keys = numbered(200);
    const bucket = new PagedBucket(keys, 10);
    bucket.onRequest = ({ after }) => {
      if (after !== undefined && after > 'k00120')
        throw new ProviderError('unavailable', 'down', { provider: 'paged' });
    };
    const provider = await byRanges(bucket, { keys: 40 });
    const seen: Key[] = [];
    const reading = (async () => {
      for await (const { entries } of provider.list({ furtherOn: knowing(keys) }, calm)) {
        for (let turn = 0; turn < 20; turn += 1) await setImmediate();
        seen.push(...entries.map(({ key }) => key));
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'unavailable', message: 'down' });
    expect(seen).toEqual(keys.slice(0, seen.length));
    expect(seen.length).toBeGreaterThanOrEqual(120);
  });

  test('is met by nobody when the listing is left before', async () => {
    const bucket = new PagedBucket(numbered(200), 10);
    bucket.onRequest = ({ after }) => {
      if (after !== undefined && after > 'k00030') throw new Error('down');
    };
    const provider = await byRanges(bucket, { keys: 20 });
    for await (const _ of provider.list({ furtherOn: knowing(numbered(200)) }, calm)) {
      for (let turn = 0; turn < 20; turn += 1) await setImmediate();
      break;
    }
    await setImmediate();
  });
});

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new ProviderError('aborted', 'aborted', { provider: 'paged' }));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

describe('the end of a listing by ranges', () => {
  test('that is left ends all requests', async () => {
    const keys = numbered(400);
    const bucket = new PagedBucket(keys, 10);
    bucket.onRequest = async ({ after, signal }) => {
      if (after !== undefined) await untilAborted(signal);
    };
    const provider = await byRanges(bucket, { keys: 20 });
    for await (const _ of provider.list({ furtherOn: knowing(keys) }, calm)) {
      for (let turn = 0; turn < 20; turn += 1) await setImmediate();
      expect(bucket.underWay).toBe(4);
      break;
    }
    expect(bucket.underWay).toBe(0);
  });

  test('by an abort comes at once, whatever is held', async () => {
    const keys = numbered(400);
    const bucket = new PagedBucket(keys, 10);
    const provider = await byRanges(bucket, { keys: 40 });
    const controller = new AbortController();
    let pages = 0;
    const reading = (async () => {
      for await (const _ of provider.list({ furtherOn: knowing(keys) }, controller.signal)) {
        pages += 1;
        for (let turn = 0; turn < 20; turn += 1) await setImmediate();
        controller.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
    expect([pages, bucket.underWay]).toEqual([1, 0]);
  });

  test('is not brought about by a catalog that cannot say more', async () => {
    const keys = numbered(100);
    const bucket = new PagedBucket(keys, 10);
    const provider = await byRanges(bucket, { keys: 20 });
    const furtherOn: FurtherOn = () => Promise.reject(new Error('the disk is full'));
    expect(keysOf(await Array.fromAsync(provider.list({ furtherOn }, calm)))).toEqual(keys);
  });
});

describe('where one range hands over to the next', () => {
  test('a server that goes by another order than it says is found out', async () => {
    // Letters without case: behind a boundary at C, this server has nothing of what begins with b.
    const order = (a: Key, b: Key): number => compareKeys(a.toLowerCase(), b.toLowerCase());
    const keys = ['A', 'b', 'C'].flatMap((letter) => numbered(60).map((key) => key.replace('k', letter)));
    for (let keysOfRange = 2; keysOfRange < 40; keysOfRange += 1) {
      for (const pageSize of [1, 2, 3, 5, 8]) {
        const bucket = new PagedBucket(keys, pageSize);
        bucket.order = order;
        // New are those that no range begins among.
        const known = keys.filter((key) => !key.startsWith('b'));
        const found = listing(bucket, known, { keys: keysOfRange });
        await expect(found, `${keysOfRange} ${pageSize}`).rejects.toMatchObject({ code: 'invalid' });
      }
    }
  });

  test('keys that are not where the catalog has them are no matter', async () => {
    const keys = numbered(100);
    const bucket = new PagedBucket(keys, 10);
    const known = keys.map((key) => `${key}-gone`);
    expect(keysOf(await listing(bucket, known, { keys: 20 }))).toEqual(keys);
    expect(bucket.requests.length).toBeLessThanOrEqual(16);
  });
});

/** Every chain of the bucket's pages begins with this one. */
function beginningWith(bucket: PagedBucket, page: ListPage): PagedBucket {
  const { list } = bucket.provider;
  Object.assign(bucket.provider, {
    list: async function* (...asked: Parameters<typeof list>) {
      yield page;
      yield* list(...asked);
    },
  });
  return bucket;
}

test('what a range reports as ignored, and lies before it, was reported already', async () => {
  const keys = numbered(100);
  const bucket = beginningWith(new PagedBucket(keys, 10), { entries: [], ignored: [{ key: '!', reason: 'a link' }] });
  const pages = await listing(bucket, keys, { keys: 20 });
  expect(bucket.most).toBeGreaterThan(1);
  expect([keysOf(pages), ignoredOf(pages)]).toEqual([keys, ['!']]);
});

test('a range that gives what comes before it ends the listing', async () => {
  const keys = numbered(100);
  const first = { key: 'k00000', size: 1, version: 'v', modifiedAt: 0 };
  const bucket = new PagedBucket(keys.slice(1), 10);
  await expect(listing(beginningWith(bucket, { entries: [first] }), keys, { keys: 20 })).rejects.toMatchObject({
    code: 'invalid',
    key: 'k00000',
  });
});

const oddKey = fc.string({
  unit: fc.constantFrom('a', 'b', '/', '\u0000', '\uff01', '\u{1F600}', '\udc80', '\udcff', '\u{10ffff}'),
  maxLength: 3,
  minLength: 1,
});

const scene = fc.record({
  there: fc.uniqueArray(oddKey, { maxLength: 60 }),
  alsoKnown: fc.uniqueArray(oddKey, { maxLength: 30 }),
  /** Which of those that are there are known, and which are no objects. */
  picks: fc.infiniteStream(fc.nat(99)),
  known: fc.constantFrom(0, 30, 90, 100),
  noObjects: fc.constantFrom(0, 0, 20),
  pageSize: fc.integer({ min: 1, max: 6 }),
  keys: fc.integer({ min: 1, max: 12 }),
  atOnce: fc.integer({ min: 2, max: 5 }),
  after: fc.option(oddKey, { nil: undefined }),
  changes: fc.array(fc.record({ key: oddKey, add: fc.boolean() }), { maxLength: 30 }),
});

type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;

function bucketOf({ there, picks, noObjects, pageSize }: Scene): PagedBucket {
  const bucket = new PagedBucket(
    there,
    pageSize,
    there.filter(() => Number(picks.next().value) < noObjects),
  );
  // Answers come in any order.
  bucket.onRequest = async () => {
    for (let turn = Number(picks.next().value) % 4; turn > 0; turn -= 1) await setImmediate();
  };
  return bucket;
}

async function listedIn(bucket: PagedBucket, { there, alsoKnown, known, picks, ...options }: Scene) {
  const provider = await byRanges(bucket, options);
  const turns = (): number => Number(picks.next().value) % 3;
  const furtherOn = knowing([...there.filter(() => Number(picks.next().value) < known), ...alsoKnown], turns);
  const { after } = options;
  return await Array.fromAsync(provider.list({ furtherOn, ...(after !== undefined && { after }) }, calm));
}

describe('random listings by ranges', () => {
  test('give what one chain gives, whatever is known', async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (given) => {
        const bucket = bucketOf(given);
        const { after } = given;
        const plain = await Array.fromAsync(bucket.provider.list(after === undefined ? {} : { after }, calm));
        const pages = await listedIn(bucket, given);
        expect(keysOf(pages)).toEqual(keysOf(plain));
        expect(ignoredOf(pages)).toEqual(ignoredOf(plain));
        expect(bucket.underWay).toBe(0);
      }),
      { seed: printedSeed('listing by ranges'), numRuns: 500 },
    );
  });

  test('have every key that was there throughout, once and in order, beside any writes and deletes', async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (given) => {
        const bucket = bucketOf(given);
        const [throughout, ever] = [new Set(given.there), new Set(given.there)];
        const answered = bucket.onRequest;
        const changes = [...given.changes];
        bucket.onRequest = async (request: PageRequest) => {
          await answered(request);
          const change = changes.pop();
          if (change?.add === true) {
            bucket.keys.add(change.key);
            ever.add(change.key);
          } else if (change !== undefined) {
            bucket.keys.delete(change.key);
            throughout.delete(change.key);
          }
        };
        const pages = await listedIn(bucket, given);
        const found = [...keysOf(pages), ...ignoredOf(pages)].sort(compareKeys);
        const { after } = given;
        const isAsked = (key: Key): boolean => after === undefined || compareKeys(key, after) > 0;
        expect(keysOf(pages)).toEqual(keysOf(pages).toSorted(compareKeys));
        expect(found).toEqual([...new Set(found)]);
        expect(found.filter((key) => throughout.has(key))).toEqual([...throughout].filter(isAsked).sort(compareKeys));
        expect(found.filter((key) => !ever.has(key))).toEqual([]);
      }),
      { seed: printedSeed('listing by ranges beside changes'), numRuns: 500 },
    );
  });
});
