import { expect, test } from 'vitest';
import type { Claim } from '../../../src/catalog/claims.ts';
import { Stragglers } from '../../../src/replication/stragglers.ts';
import { openWorld, type World } from '../../support/engine.ts';

const nobody = { owner: 'nobody', policies: ['p'], leaseMs: 60_000, limit: 1 };

function stragglersOf(world: World, dueBefore?: number): Stragglers {
  return new Stragglers({
    ...world.engine,
    policies: [world.policy],
    dueBefore: () => dueBefore,
    claim: async () => [],
    work: async () => new Set(),
    besides: () => undefined,
    onChange: () => undefined,
  });
}

async function claimOf(world: World, target: string): Promise<Claim> {
  const [claim] = await world.catalog.claim({ ...nobody, targets: [target] });
  if (claim === undefined) throw new Error(`nothing is due at ${target}`);
  return claim;
}

/** The object is verified at three, two has come to need it, and a claim holds it for one. */
async function needed(world: World): Promise<Claim> {
  world.target('one').failWith('unavailable');
  world.source.write('a', 'text');
  await world.reconcile();
  world.clock.advance(3_600_000);
  const claim = await claimOf(world, 'one');
  await world.catalog.record('p', [
    { kind: 'missing', id: claim.objectId, target: 'two', asOf: world.clock.now() + 1 },
  ]);
  return claim;
}

test('work is given up for what another target has come to need', async () => {
  await using world = await openWorld();
  const claim = await needed(world);
  expect(await stragglersOf(world).reasonToStop(claim)).toMatchObject({
    message: expect.stringMatching(/^one must wait with a, which two needs too/) as string,
  });
});

test('work is not given up for what this run leaves alone', async () => {
  await using world = await openWorld();
  const claim = await needed(world);
  const dueAt = (await world.copy('a', 'two')).dueAt ?? NaN;
  expect(await stragglersOf(world, dueAt - 1).reasonToStop(claim)).toBeUndefined();
  expect(await stragglersOf(world, dueAt).reasonToStop(claim)).toBeDefined();
});

test('work is not given up for what fails time and again, or it would never be done', async () => {
  await using world = await openWorld();
  const claim = await needed(world);
  const { objectId, token, object } = claim;
  const released = [{ target: 'one', state: 'released' as const }];
  await world.catalog.settle([{ objectId, token, version: object.version, copies: released, last: true }]);
  world.target('two').failWith('denied');
  await world.reconcile();
  expect((await world.copy('a', 'two')).attempts).toBeGreaterThan(0);
  world.clock.advance(24 * 3_600_000);
  expect(await stragglersOf(world).reasonToStop(await claimOf(world, 'one'))).toBeUndefined();
});
