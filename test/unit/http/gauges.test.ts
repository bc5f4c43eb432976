import { expect, test } from 'vitest';
import { gaugesOf } from '../../../src/http/gauges.ts';
import { readStatus } from '../../../src/replication/status.ts';
import { openWorld } from '../../support/engine.ts';

test('the backlog is counted in copies and in their bytes', async () => {
  await using world = await openWorld();
  world.source.write('a', 'in place');
  await world.reconcile();
  for (const name of ['one', 'two']) world.target(name).failWith('unavailable', 'put');
  world.source.write('b', 'later');
  await world.reconcile();
  const status = await readStatus(world.catalog, [world.policy], [], world.clock.now());
  const { policies } = gaugesOf(status, world.clock.now());
  expect(policies).toEqual([expect.objectContaining({ backlogObjects: 2, backlogBytes: 10 })]);
});
