import { expect, test } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import { limited } from '../../../src/providers/bandwidth.ts';
import { TokenBucket } from '../../../src/providers/token-bucket.ts';
import { patient } from '../../../src/providers/patient.ts';
import { resilient } from '../../../src/providers/resilient.ts';
import { uploadWhole } from '../../contract/provider/parts.ts';
import { calm, collect, expectError, put, readAll } from '../../contract/provider/room.ts';
import { bytesOf } from '../../support/bytes.ts';
import { Hooked, SleepingClock, untilAborted } from '../../support/hooked.ts';

const kibibyte = 1_024;

function opened() {
  const inner = new Hooked();
  const clock = new SleepingClock();
  const rates = { up: new TokenBucket(kibibyte, clock), down: new TokenBucket(2 * kibibyte, clock) };
  return { inner, clock, rates, provider: limited(inner.provider, rates) };
}

test('whoever comes after others waits until these have been paid for', async () => {
  const { clock, provider } = opened();
  await put(provider, 'a', bytesOf(kibibyte));
  expect(clock.sleeps).toEqual([]);
  await put(provider, 'b', bytesOf(2 * kibibyte));
  await put(provider, 'c', bytesOf(1));
  expect(clock.sleeps).toEqual([1_000, 2_000]);
  clock.time += 60_000;
  await put(provider, 'd', bytesOf(1));
  expect(clock.sleeps).toHaveLength(2);
});

test('over time the rate holds, for every body and in each direction by itself', async () => {
  const { clock, provider } = opened();
  const from = clock.time;
  const bytes = bytesOf(64 * kibibyte, 'rate');
  await uploadWhole(provider, 'k', bytes, 8 * kibibyte);
  await put(provider, 'k2', bytes);
  expect(clock.time - from).toBe(64_000);
  await collect(provider);
  await provider.head('k', calm);
  expect(clock.time - from).toBe(64_000);
  await readAll(provider, 'k');
  await readAll(provider, 'k2');
  expect(clock.time - from).toBe(96_000);
  await put(provider, 'k3', 'x');
  expect(clock.time - from).toBe(128_000);
});

test('every attempt is paid for', async () => {
  const { inner, clock, provider } = opened();
  inner.failWith('unavailable', 3);
  await put(resilient(provider, { clock, random: () => 0 }), 'k', bytesOf(kibibyte));
  expect(clock.sleeps.filter((ms) => ms > 0)).toEqual([1_000, 1_000, 1_000]);
});

test('an abort ends the waiting, and what was not sent is not paid for', async () => {
  const clock = { ...systemClock, now: () => 0, sleep: (_: number, signal = calm) => untilAborted(signal) };
  const bucket = new TokenBucket(kibibyte, clock);
  const inner = new Hooked();
  const provider = limited(inner.provider, { up: bucket, down: bucket });
  await put(provider, 'a', bytesOf(10));
  const controller = new AbortController();
  const writing = put(provider, 'b', bytesOf(1_000_000), { signal: controller.signal });
  controller.abort();
  expect(await expectError(writing, 'aborted')).toMatchObject({ key: 'b' });
  expect(inner.calls).toHaveLength(1);
  const sleeps: number[] = [];
  clock.sleep = (ms) => {
    sleeps.push(ms);
    return Promise.reject(new Error('enough'));
  };
  await expectError(put(provider, 'c', bytesOf(1)), 'aborted');
  expect(sleeps).toEqual([(10 / kibibyte) * 1_000]);
});

test('waiting for bandwidth is no stall', async () => {
  const inner = new Hooked();
  const rate = (): TokenBucket => new TokenBucket(64 * kibibyte, systemClock);
  const timed = patient(inner.provider, { request: { put: 20 }, idle: 20 });
  const provider = limited(timed, { up: rate(), down: rate() });
  await Promise.all(['a', 'b', 'c'].map((key) => put(provider, key, bytesOf(4 * kibibyte))));
  for (const key of ['a', 'b', 'c']) expect(await readAll(provider, key)).toHaveLength(4 * kibibyte);
});
