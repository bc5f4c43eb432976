import { expect, test } from 'vitest';
import { noAttributes } from '../../../src/objects/object.ts';
import { readStatus } from '../../../src/replication/status.ts';
import { whatIf, type WhatIf } from '../../../src/replication/what-if.ts';
import { gaugesOf } from '../../../src/http/gauges.ts';
import { openWorld, type World } from '../../support/engine.ts';

async function without(world: World, ...lost: readonly string[]): Promise<WhatIf> {
  return await whatIf(world.catalog, world.policy, lost, world.clock.now());
}

test('what is in place everywhere survives the loss of any place but all; how old, how much, what is left', async () => {
  await using world = await openWorld();
  world.source.write('a', 'abc');
  await world.reconcile();
  world.clock.advance(90_000);
  expect(await without(world, 'two', 'elsewhere')).toEqual({
    ...{
      policy: 'p',
      lose: ['two'],
      asOfSeconds: expect.closeTo(90, -1) as number,
      lost: 0,
      lostBytes: 0,
      newestLossSeconds: null,
      oldestLossSeconds: null,
    },
    ...{ left: { 2: 1 }, belowMinCopies: 0, restoreCopies: 0, restoreBytes: 0, restoreSeconds: 0, restoreBasis: null },
  });
  const worse = { lost: 0, left: { 1: 1 }, belowMinCopies: 1, restoreCopies: 1, restoreBytes: 3, restoreSeconds: null };
  expect(await without(world, 'one', 'two')).toMatchObject(worse);
  const all = await without(world, world.policy.source.name, 'one', 'two', 'three');
  expect(all).toMatchObject({ lost: 1, lostBytes: 3, left: {}, belowMinCopies: 0 });
  expect(all.newestLossSeconds).toBeGreaterThanOrEqual(90);
  expect((all.oldestLossSeconds ?? 0) - (all.newestLossSeconds ?? 0)).toBeOneOf([0, 1]);
});

test('what no target takes is at risk with its source, in the status and as a metric', async () => {
  await using world = await openWorld();
  for (const name of ['one', 'two', 'three']) world.target(name).failWith('denied', 'put');
  world.source.write('a', 'abc');
  await world.reconcile();
  const source = world.policy.source.name;
  const expected = { [source]: 1, one: 0, two: 0, three: 0 };
  const status = await readStatus(world.catalog, [world.policy], [], world.clock.now());
  expect(status.policies[0]?.atRisk).toEqual(expected);
  expect(gaugesOf(status, world.clock.now()).policies[0]?.atRisk).toEqual(expected);
  expect(await without(world, source)).toMatchObject({ lost: 1, lostBytes: 3, left: {} });
});

test('how long it takes is told by how fast copies were made', async () => {
  await using world = await openWorld();
  world.source.write('a', 'abc');
  await world.reconcile();
  const catalog = new Proxy(world.catalog, {
    get: (target, name): unknown => {
      if (name === 'copyPace') return () => Promise.resolve({ copies: 200, bytes: 1000, ms: 20_000, at: 5 });
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const report = await whatIf(catalog, world.policy, ['one', 'two'], world.clock.now());
  const restoreBasis = { bytesPerSecond: 50, copiesPerSecond: 10, measuredAt: 5 };
  expect(report).toMatchObject({ restoreCopies: 1, restoreSeconds: 1, restoreBasis });
});

test('ages are never rosier than the truth: how far back a loss reaches is rounded up, how near it comes down', async () => {
  await using world = await openWorld({ targets: { one: {} } });
  const now = world.clock.now();
  for (const [key, age] of [
    ['new', 1_900],
    ['old', 7_200_400],
  ] as const) {
    const stored = { bytes: Buffer.from(key), modifiedAt: now - age, attributes: noAttributes, checksums: {} };
    world.source.bucket.write(key, { ...stored, record: undefined as never });
  }
  await world.reconcile();
  const report = await whatIf(world.catalog, world.policy, [world.policy.source.name, 'one'], now);
  expect(report).toMatchObject({ lost: 2, newestLossSeconds: 1, oldestLossSeconds: 7_201 });
  const { lastCompletePassAt } = await world.catalog.readPolicy('p');
  const later = await whatIf(world.catalog, world.policy, ['one'], (lastCompletePassAt ?? 0) + 1);
  expect(later.asOfSeconds).toBe(1);
});
