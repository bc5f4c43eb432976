import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LiveLimits } from '../../../src/live-limits.ts';
import { systemClock } from '../../../src/objects/clock.ts';
import { mostWorkers, shareOf, workersFor } from '../../../src/shares.ts';

const MiB = 1024 ** 2;
const config = {
  limits: { memory: 256 * MiB, concurrency: 32, bandwidth: 100 * MiB, workers: 4 },
  providers: { aws: { limits: { requests: 10, concurrency: 7 } }, disk: {} },
};

test('a thread has its part of every rate and every number; memory is counted for all together', () => {
  expect(shareOf(config, { index: 1, of: 2 })).toEqual({
    limits: { memory: 256 * MiB, concurrency: 16, bandwidth: 50 * MiB, workers: 4 },
    providers: { aws: { limits: { requests: 5, concurrency: 3 } }, disk: {} },
  });
});

test('all parts together are the whole', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 16 }), (concurrency, threads) => {
      const of = Math.min(threads, concurrency);
      const parts = Array.from({ length: of }, (_, index) => {
        const { limits } = shareOf({ ...config, limits: { ...config.limits, concurrency } }, { index, of });
        return limits.concurrency;
      });
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(concurrency);
      expect(Math.min(...parts)).toBeGreaterThan(0);
    }),
  );
});

test('each thread has two objects at once, and a place of the narrowest limit', () => {
  const workers = (concurrency: number, place = 7): number =>
    workersFor(
      { limits: { ...config.limits, concurrency }, providers: { aws: { limits: { concurrency: place } } } },
      4,
    );
  expect([32, 7, 5, 4, 3, 2, 1].map((concurrency) => workers(concurrency))).toEqual([4, 3, 2, 2, 1, 1, 1]);
  expect(workers(32, 2)).toBe(2);
});

test('how many threads there may ever be is chosen once, so that each has two of those that may block', () => {
  expect([32, 8, 7, 4, 1].map((blocking) => mostWorkers(config, blocking))).toEqual([4, 4, 3, 2, 1]);
  expect(mostWorkers({ limits: { ...config.limits, concurrency: 1 } }, 32)).toBe(4);
  expect(workersFor({ ...config, limits: { ...config.limits, workers: 16 } }, 2), 'needs a restart').toBe(2);
});

test('a change of the configuration is dealt out like what was there before', () => {
  const limits = new LiveLimits(config, systemClock);
  expect(limits.concurrency.value).toBe(32);
  limits.deal({ index: 0, of: 4 });
  expect(limits.concurrency.value).toBe(8);
  limits.change({ ...config, limits: { ...config.limits, concurrency: 6 } });
  expect(limits.concurrency.value).toBe(2);
  limits.deal({ index: 3, of: 4 });
  expect(limits.concurrency.value).toBe(1);
});
