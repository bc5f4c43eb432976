import { expect, test } from 'vitest';
import { BudgetShare } from '../../../src/replication/budget-share.ts';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import { Convoy } from '../../../src/replication/convoy.ts';
import { Drag } from '../../../src/replication/drag.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const calm = new AbortController().signal;

test('who falls behind again soon stays out twice as long, up to ten minutes', async () => {
  const clock = new VirtualClock();
  const convoy = new Convoy(clock, silentLog);
  const stays: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    convoy.leave('slow', 'a test');
    const from = clock.now();
    while (!convoy.rejoin('slow')) clock.jump(10_000);
    stays.push((clock.now() - from) / 1000);
  }
  expect(stays).toEqual([30, 60, 120, 240, 480, 600, 600]);
  clock.jump(3_600_000);
  convoy.leave('slow', 'a test');
  clock.jump(30_000);
  expect(convoy.rejoin('slow')).toBe(true);
});

test('a clock that is set back keeps nobody out; whoever is readmitted need not wait', () => {
  const clock = new VirtualClock();
  const convoy = new Convoy(clock, silentLog);
  convoy.leave('slow', 'a test');
  expect(convoy.mayRejoin('slow')).toBe(false);
  convoy.readmit('slow');
  expect(convoy.isBehind('slow')).toBe(false);
  convoy.leave('slow', 'a test');
  clock.jump(-3_600_000);
  expect(convoy.rejoin('slow')).toBe(true);
});

test('a share never holds more than its part, and what is larger gets through alone', async () => {
  const whole = new ByteBudget(100);
  const share = new BudgetShare(whole, new ByteBudget(20));
  const large = await share.reserve(100, calm);
  expect([whole.tryReserve(1), share.tryReserve(1)]).toEqual([undefined, undefined]);
  large();
  const own = await share.reserve(15, calm);
  expect(share.tryReserve(6)).toBeUndefined();
  const others = whole.tryReserve(85);
  expect(others).toBeDefined();
  own();
  others?.();
  expect(whole.tryReserve(100)).toBeDefined();
});

test('a share that is given up while it waits for the whole holds nothing', async () => {
  const whole = new ByteBudget(100);
  const share = new BudgetShare(whole, new ByteBudget(20));
  const all = await whole.reserve(100, calm);
  const stop = new AbortController();
  const waiting = share.reserve(20, stop.signal);
  stop.abort(new Error('given up'));
  await expect(waiting).rejects.toThrow('given up');
  all();
  expect(share.tryReserve(20)).toBeDefined();
});

test.each([
  { slow: 2_000, readerWaits: 1_000, leaves: true },
  { slow: 2_000, readerWaits: 0, leaves: false },
  { slow: 300, readerWaits: 1_000, leaves: false },
])('a target that takes $slow ms more per part, reading waits $readerWaits ms: leaves $leaves', async (given) => {
  const clock = new VirtualClock();
  const convoy = new Convoy(clock, silentLog);
  const drag = new Drag(clock, convoy);
  for (let number = 0; number < 10; number += 1) {
    await drag.reading(async () => clock.jump(given.readerWaits));
    const sentBy = drag.part(2);
    clock.jump(200);
    sentBy('fast');
    clock.jump(given.slow);
    sentBy('slow');
  }
  expect([convoy.isBehind('slow'), convoy.isBehind('fast')]).toEqual([given.leaves, false]);
});
