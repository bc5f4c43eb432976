import { expect, test } from 'vitest';
import type { Claim } from '../../../src/catalog/claims.ts';
import { partsIn } from '../../../src/replication/budget-share.ts';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import { SharedBytes } from '../../../src/replication/byte-pool.ts';
import { Stragglers } from '../../../src/replication/stragglers.ts';
import { openWorld, type World } from '../../support/engine.ts';

const KiB = 1024;
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

test('a target that is behind holds no more than its part of the bytes, however many threads serve it', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {} } });
  world.source.write('a', 'text');
  world.target('one').failWith('unavailable', 'put');
  await world.reconcile();
  world.clock.advance(3_600_000);
  const claim = await claimOf(world, 'one');
  const [total, bytes, part] = [160 * KiB, SharedBytes.sharedMemory(), SharedBytes.sharedMemory()];
  const taken: number[] = [];
  const working = [0, 1, 2, 3].map(async (thread) => {
    const stop = new AbortController();
    const budget = new ByteBudget(new SharedBytes(total, bytes, thread));
    const stragglers = new Stragglers({
      ...{ ...world.engine, policies: [world.policy], budget, dueBefore: () => undefined, onChange: () => undefined },
      partOf: partsIn((most) => new SharedBytes(most, part, thread)),
      claim: async () => [claim],
      work: async (_, means) => {
        while (means.budget.tryReserve(8 * KiB) !== undefined) taken.push(thread);
        stop.abort();
        return new Set();
      },
      besides: (work) => void catchingUp.push(work),
    });
    const catchingUp: Promise<void>[] = [];
    using _watching = stragglers.watch(stop.signal);
    stragglers.convoy.leave('one', 'a test');
    await Promise.all(catchingUp);
    return budget.used;
  });
  await Promise.all(working);
  expect(taken).toHaveLength(total / 4 / (8 * KiB));
});

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
