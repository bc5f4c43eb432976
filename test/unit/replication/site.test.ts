import { expect, test } from 'vitest';
import { resilient } from '../../../src/providers/resilient.ts';
import { Site } from '../../../src/replication/site.ts';
import { calm, expectError } from '../../contract/provider/room.ts';
import { Hooked, SleepingClock } from '../../support/hooked.ts';

test('one that could not be reached is tried again after a while, also when a clock that was ahead is right again', async () => {
  const inner = new Hooked();
  const clock = new SleepingClock();
  const site = new Site(resilient(inner.provider, { clock, random: () => 1, retries: 0 }), clock);
  expect(site.wantsConnecting).toBe(true);
  inner.failWith('unavailable');
  await expectError(site.connect('target', calm), 'unavailable');
  expect(site.wantsConnecting).toBe(false);
  clock.time += 5_000;
  expect(site.wantsConnecting).toBe(true);
  clock.time -= 3_600_000;
  expect(site.wantsConnecting).toBe(true);
});
