import { expect, test } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import { ProviderLimits, type LimitSettings } from '../../../src/providers/limits.ts';
import { Slots } from '../../../src/providers/slots.ts';
import { TokenBucket } from '../../../src/providers/token-bucket.ts';
import { calm, collect, expectError, put } from '../../contract/provider/room.ts';
import { bytesOf } from '../../support/bytes.ts';
import { Hooked, SleepingClock } from '../../support/hooked.ts';

function opened(settings: LimitSettings) {
  const inner = new Hooked();
  const clock = new SleepingClock();
  const limits = new ProviderLimits(settings, clock);
  return { inner, clock, limits, provider: limits.around(inner.provider) };
}

async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('requests are spaced evenly, pages of a listing too', async () => {
  const { clock, provider } = opened({ requests: 4 });
  const from = clock.time;
  for (const key of ['a', 'b', 'c', 'd', 'e']) await put(provider, key, 'x');
  expect(clock.time - from).toBe(1_000);
  await collect(provider);
  expect(clock.time - from).toBeGreaterThan(1_000);
});

test.each([
  [{}, 4],
  [{ concurrency: 3 }, 3],
  [{ concurrency: 1 }, 1],
  [{ requests: 16 }, 4],
  [{ requests: 8 }, 2],
  [{ requests: 1 }, 1],
  [{ requests: 1_000, concurrency: 2 }, 2],
])('with %j, of 4 ranges of a listing %i are read at once', (settings, expected) => {
  const { limits } = opened({});
  limits.change(settings);
  expect(limits.rangesAtOnce(4)).toBe(expected);
});

test('so many requests are under way at once and no more; bodies being read count for themselves', async () => {
  const { inner, provider, limits } = opened({ concurrency: 2 });
  await put(provider, 'k', 'x');
  let [now, most] = [0, 0];
  let release: () => void = () => undefined;
  const open = new Promise<void>((resolve) => (release = resolve));
  inner.before = async ({ operation }) => {
    if (operation !== 'head') return;
    most = Math.max(most, (now += 1));
    await open;
    now -= 1;
  };
  const heads = Array.from({ length: 6 }, async () => await provider.head('k', calm));
  await turns();
  expect(now).toBe(2);
  const readers = [await provider.read('k', {}, calm), await provider.read('k', {}, calm)];
  const third = provider.read('k', {}, calm);
  limits.change({ concurrency: 3 });
  await turns();
  expect(now).toBe(3);
  readers.push(await third);
  release();
  await Promise.all(heads);
  expect(most).toBe(3);
  for (const reader of readers) await reader[Symbol.asyncDispose]();
});

test('whoever gives up waiting takes no place, and what failed gives it back', async () => {
  const slots = new Slots(1);
  const release = await slots.take(calm);
  const controller = new AbortController();
  const waiting = slots.take(controller.signal);
  const next = slots.take(calm);
  controller.abort(new Error('no more'));
  await expect(waiting).rejects.toThrow('no more');
  release();
  release();
  (await next)();
  const { inner, provider } = opened({ concurrency: 1 });
  inner.failWith('unavailable', 2);
  await expectError(provider.read('k', {}, calm), 'unavailable');
  await expectError(provider.read('k', {}, calm), 'unavailable');
  await expectError(provider.read('k', {}, calm), 'not-found');
});

test('a rate that is raised holds at once for those who wait, and so does its end', async () => {
  const bucket = new TokenBucket(1, systemClock);
  await bucket.take(1_000_000, calm);
  const waiting = [bucket.take(1_000_000, calm), bucket.take(1, calm)];
  await turns();
  bucket.change(10 ** 12);
  await Promise.all(waiting);
  bucket.change(1);
  await bucket.take(1_000_000, calm);
  const last = bucket.take(1, calm);
  bucket.change(undefined);
  await last;
});

test('bandwidth of its own is waited for before that of all', async () => {
  const { clock, provider } = opened({ bandwidth: 1_024 });
  await put(provider, 'a', bytesOf(2_048));
  await put(provider, 'b', bytesOf(1));
  expect(clock.sleeps).toEqual([2_000]);
});
