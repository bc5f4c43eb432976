import { expect, test } from 'vitest';
import { runPass } from '../../../src/replication/pass.ts';
import { readStatus, type ProviderStatus } from '../../../src/replication/status.ts';
import { openWorld, type World } from '../../support/engine.ts';

async function statusOf(world: World, providers: readonly ProviderStatus[] = []) {
  const status = await readStatus(world.catalog, [world.policy], providers, world.clock.now());
  const [policy] = status.policies;
  if (policy === undefined) throw new Error('no policy');
  return { ...status, policy };
}

/** Besides what a test lets pass, time passes. */
function lagMinutes({ lagSeconds }: { readonly lagSeconds: number | null }): number | null {
  return lagSeconds === null ? null : Math.floor(lagSeconds / 60);
}

test('before the first pass there is no lag to speak of, and the status says why it is not ok', async () => {
  await using world = await openWorld();
  const { status, reasons, policy } = await statusOf(world);
  expect([status, policy.lagSeconds, policy.lastPass]).toEqual(['degraded', null, null]);
  expect(reasons).toEqual(['p: no pass has finished yet']);
});

test('all in place is ok; lag grows when nobody looks, until that is a failure', async () => {
  await using world = await openWorld();
  world.source.write('a', 'x');
  await world.reconcile();
  const { status, reasons, policy } = await statusOf(world);
  expect([status, reasons]).toEqual(['ok', []]);
  expect(lagMinutes(policy)).toBe(0);
  expect(policy).toMatchObject({ objects: 1, bytes: 1, safe: 1, pending: 0, failed: 0, damaged: 0, lost: 0, held: 0 });
  world.clock.advance(120_000);
  const quiet = await statusOf(world);
  expect([quiet.status, lagMinutes(quiet.policy)]).toEqual(['ok', 2]);
  world.clock.advance(600_000);
  const dead = await statusOf(world);
  expect([dead.status, lagMinutes(dead.policy)]).toEqual(['failing', 12]);
  expect(dead.reasons).toEqual([expect.stringContaining('nobody has looked at the source for 12 minutes')]);
});

test('while all targets are listed, which took an hour the last time, it is not said that nobody looks', async () => {
  await using world = await openWorld();
  const pass = async (full: boolean): Promise<unknown> => {
    const options = { full, deep: false, dryRun: false, onProgress: () => undefined };
    return await runPass(world.engine, world.policy, options, new AbortController().signal);
  };
  world.target('one').listing = (pages) => {
    world.clock.advance(3_600_000);
    return pages;
  };
  await pass(true);
  await pass(false);
  world.clock.advance(5_400_000);
  expect(await statusOf(world)).toMatchObject({ status: 'ok', reasons: [] });
  world.clock.advance(5_400_000);
  expect(await statusOf(world)).toMatchObject({
    status: 'failing',
    reasons: [expect.stringContaining('nobody has looked at the source for 180 minutes')],
  });
});

test('lag counts from the oldest copy that waits, however often the source is looked at', async () => {
  await using world = await openWorld();
  world.target('two').failWith('unavailable', 'put');
  world.source.write('a', 'x');
  await world.reconcile();
  world.clock.advance(60_000);
  await world.reconcile();
  const { status, policy } = await statusOf(world);
  expect([status, policy.pending, policy.safe]).toEqual(['ok', 1, 1]);
  expect(lagMinutes(policy)).toBe(1);
  world.clock.advance(600_000);
  await world.reconcile();
  const later = await statusOf(world);
  expect(later).toMatchObject({
    ...{ status: 'degraded', policy: { pending: 1, safe: 1 } },
    reasons: ['p: 1 copies wait, the oldest for 11 minutes; see "holdfast status p"'],
  });
  expect(lagMinutes(later.policy)).toBe(11);
});

test('too few copies, a hold and a provider that is down degrade; what is lost fails', async () => {
  await using world = await openWorld();
  for (const name of ['two', 'three']) world.target(name).failWith('denied', 'put');
  world.source.write('a', 'x');
  await world.reconcile();
  const down = { provider: 'two', state: 'down', lastError: 'no route to "a"', code: 'unavailable' } as const;
  const few = await statusOf(world, [down]);
  expect(few).toMatchObject({ status: 'degraded', policy: { safe: 0, failed: 2 } });
  expect(few.reasons).toEqual([
    expect.stringContaining('2 copies failed'),
    'p: 1 objects have fewer than 2 verified copies',
    'provider two is down (unavailable); see "holdfast status"',
  ]);
  world.source.bucket.objects.clear();
  await world.reconcile();
  const held = await statusOf(world);
  expect(held).toMatchObject({ status: 'degraded', policy: { held: 1, hold: { vanished: 1 } } });
  expect(held.reasons[0]).toContain('p: held: the source is empty');
});
