import { expect, test, vi } from 'vitest';
import { WorkerRun } from '../../../src/workers/worker-run.ts';
import { openWorld } from '../../support/engine.ts';

test('work begins when the source is reached, which is tried again and again', async () => {
  await using world = await openWorld({ targets: { one: {} } });
  const engine = await world.another('thread');
  const { source } = world;
  for (const key of ['a', 'b']) source.write(key, key);
  world.target('one').failWith('unavailable', 'put');
  await world.reconcile();
  world.target('one').heal();
  await world.catalog.makeDue('p', {});
  const [there, target] = [source.again(), world.target('one')];
  there.failWith('unavailable', 'connect');
  const policy = { ...world.policy, source: there.site };
  target.forget();
  const run = new WorkerRun(engine, [policy], undefined, undefined);
  // Rounds of claims and of reaching the source pass meanwhile.
  await vi.waitFor(() => {
    world.clock.advance(5_000);
    expect(there.count('connect')).toBeGreaterThan(3);
  });
  expect(there.count('read', 'head')).toBe(0);
  there.heal();
  await vi.waitFor(() => {
    world.clock.advance(5_000);
    expect(target.keys()).toEqual(['a', 'b']);
  });
  expect(there.site.isReached).toBe(true);
  run.stop();
  await run.ended;
  expect(run.grown()).toMatchObject({ copied: 2 });
});
