import { expect, test } from 'vitest';
import { resilient } from '../../../src/providers/resilient.ts';
import { Site } from '../../../src/replication/site.ts';
import { calm, expectError } from '../../contract/provider/room.ts';
import { Hooked, SleepingClock, untilAborted } from '../../support/hooked.ts';

test('one that could not be reached is tried again after a while, also when a clock that was ahead is right again', async () => {
  const inner = new Hooked();
  const clock = new SleepingClock();
  const site = new Site(resilient(inner.provider, { clock, random: () => 1, retries: 0 }), clock);
  expect(site.wantsConnecting('target')).toBe(true);
  inner.failWith('unavailable');
  await expectError(site.connect('target', calm), 'unavailable');
  expect(site.wantsConnecting('target')).toBe(false);
  clock.time += 5_000;
  expect(site.wantsConnecting('target')).toBe(true);
  clock.time -= 3_600_000;
  expect(site.wantsConnecting('target')).toBe(true);
});

function waiting() {
  const inner = new Hooked();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  inner.before = async (_, signal) => {
    asked.resolve();
    await Promise.race([answer.promise, untilAborted(signal)]);
  };
  const clock = new SleepingClock();
  const site = new Site(resilient(inner.provider, { clock, random: () => 1, retries: 0 }), clock);
  return { inner, site, asked: asked.promise, answer: answer.resolve };
}

test('whoever is called away while several wait for a provider takes the answer from nobody else', async () => {
  const { inner, site, asked, answer } = waiting();
  const [first, second] = [new AbortController(), new AbortController()];
  const waits = [site.connect('target', first.signal), site.connect('target', second.signal)] as const;
  const third = site.connect('target', calm);
  await asked;
  first.abort();
  second.abort();
  for (const wait of waits) await expectError(wait, 'aborted');
  expect(inner.signal?.aborted).toBe(false);
  answer();
  expect(await third).toBe(site.capabilities);
  expect(inner.calls).toHaveLength(1);
});

test('a provider that nobody waits for any more is not asked any further; who comes then asks anew', async () => {
  const { inner, site, asked, answer } = waiting();
  const only = new AbortController();
  const wait = site.connect('target', only.signal);
  await asked;
  only.abort();
  const another = site.connect('target', calm);
  await expectError(wait, 'aborted');
  answer();
  expect(await another).toBe(site.capabilities);
  expect(inner.calls).toHaveLength(2);
  expect(site.wantsConnecting('target')).toBe(false);
});
