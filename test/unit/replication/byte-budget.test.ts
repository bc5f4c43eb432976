import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import { printedSeed } from '../../support/seed.ts';

const calm = new AbortController().signal;

/** Lets everything that can go on go on. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('whoever came first is served first, even where a later one would fit', async () => {
  const budget = new ByteBudget(10);
  const order: string[] = [];
  const giveBack = await budget.reserve(8, calm);
  const large = budget.reserve(9, calm).then((release) => (order.push('large'), release));
  const small = budget.reserve(1, calm).then((release) => (order.push('small'), release));
  await settled();
  expect([order, budget.used]).toEqual([[], 8]);
  giveBack();
  (await large)();
  (await small)();
  expect([order, budget.used]).toEqual([['large', 'small'], 0]);
});

test('more than there is at all is refused at once', async () => {
  await expect(new ByteBudget(10).reserve(11, calm)).rejects.toThrow(RangeError);
});

test('giving back twice gives back once', async () => {
  const budget = new ByteBudget(10);
  const release = await budget.reserve(4, calm);
  await budget.reserve(6, calm);
  release();
  release();
  expect(budget.used).toBe(6);
});

test('an abort takes a waiter out, and lets those behind it through', async () => {
  const budget = new ByteBudget(10);
  await budget.reserve(5, calm);
  const stop = new AbortController();
  const blocked = budget.reserve(9, stop.signal);
  const behind = budget.reserve(5, calm);
  stop.abort(new Error('enough'));
  await expect(blocked).rejects.toThrow('enough');
  await behind;
  expect(budget.used).toBe(10);
  await expect(budget.reserve(1, stop.signal)).rejects.toThrow('enough');
});

test('an abort right after being served takes nobody else’s place', async () => {
  const budget = new ByteBudget(10);
  const giveBack = await budget.reserve(10, calm);
  const stop = new AbortController();
  const served = budget.reserve(6, stop.signal);
  const behind = budget.reserve(6, calm);
  giveBack();
  stop.abort(new Error('too late'));
  (await served)();
  (await behind)();
  expect(budget.used).toBe(0);
});

test('random reservations never exceed the total, and all are served in turn', async () => {
  const step = fc.record({ bytes: fc.integer({ min: 0, max: 20 }), abort: fc.boolean(), hold: fc.nat(3) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const budget = new ByteBudget(20);
      const served: number[] = [];
      const runs = steps.map(async ({ bytes, abort, hold }, index) => {
        const stop = new AbortController();
        const reserved = budget.reserve(bytes, stop.signal);
        if (abort) stop.abort(new Error('aborted'));
        try {
          const release = await reserved;
          served.push(index);
          expect(budget.used).toBeLessThanOrEqual(20);
          for (let turn = 0; turn < hold; turn += 1) await settled();
          release();
        } catch (error) {
          if (!abort) throw error;
        }
      });
      await Promise.all(runs);
      expect(budget.used).toBe(0);
      expect(served).toEqual(served.toSorted((a, b) => a - b));
      expect(served).toEqual(expect.arrayContaining(steps.flatMap(({ abort }, index) => (abort ? [] : [index]))));
    }),
    { seed: printedSeed('byte-budget'), numRuns: 100 },
  );
});
