import type { BigIntStats } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { systemClock, type Clock } from '../../../src/objects/clock.ts';
import { openRoom, put } from './room.ts';

/** A filesystem whose clock stands still, as seen by path; a handle sees the true times. */
vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs')>();
  type Done = (error: Error | null, stat: BigIntStats) => void;
  const lstat = (path: string, options: { readonly bigint: true }, done: Done): void => {
    original.lstat(path, options, (error, stat) => done(error, Object.assign(stat ?? {}, { ctimeNs: 1n })));
  };
  return { ...original, lstat };
});

test('a twin written within one tick of the clock waits for the next, so that its version is another', async () => {
  let slept = 0;
  const clock: Clock = { ...systemClock, now: () => 0, sleep: async (ms) => void (slept += ms) };
  await using room = await openRoom({}, { clock });
  const first = await put(room.provider, 'x', 'one');
  expect(slept).toBe(0);
  const second = await put(room.provider, 'x', 'two');
  expect(slept).toBeGreaterThan(0);
  expect(second.version).not.toBe(first.version);
});
