import { expect, test } from 'vitest';
import { runPass, type Pass } from '../../../src/replication/pass.ts';
import { rebuild } from '../../../src/replication/rebuild.ts';
import { openWorld, type World } from '../../support/engine.ts';
import { restoreTo } from '../../support/restoring.ts';

const calm = new AbortController().signal;
const keys = Array.from({ length: 120 }, (_, index) => `k${index}`);

/** Attests nothing: what its copies are, only reading tells. */
const mute = { capabilities: { attests: {}, wants: { put: [], part: [], upload: [] } } };

/** Source and catalog were lost; a catalog was made anew from targets that attest nothing. */
async function openRebuilt(): Promise<World> {
  const world = await openWorld({ targets: { one: mute, two: mute } });
  for (const key of keys) world.source.write(key, `bytes of ${key}`);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
  world.source.bucket.objects.clear();
  await world.loseCatalog();
  const quiet = { deep: false, onProblem: () => undefined, onProgress: () => undefined };
  expect(await rebuild(world.engine, world.policy, quiet, calm)).toMatchObject({ verified: 0, unproven: 240 });
  return world;
}

/** A pass with nobody working beside it. */
async function pass(world: World): Promise<Pass> {
  return await runPass(
    world.engine,
    world.policy,
    { full: true, deep: false, dryRun: false, onProgress: () => undefined },
    calm,
  );
}

/** How many of the copies are what they were. */
function untouched(world: World): number {
  return world.targets.flatMap((place) => keys.filter((key) => place.text(key) === `bytes of ${key}`)).length;
}

test('what was put back to the source before its copies told what they are is never held, and nothing is copied', async () => {
  await using world = await openRebuilt();
  expect(await restoreTo(world, world.source, { withoutCatalog: true })).toMatchObject({ complete: true });
  world.forget();
  const first = await world.reconcile();
  expect(first).toMatchObject({ outcome: 'incomplete', held: 0, copied: 0, repaired: 0, failed: 0 });
  expect(first.reasons).toEqual([expect.stringContaining('still being identified')]);
  expect((await world.object('k7')).observed).toMatchObject({ kind: 'overwritten' });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', held: 0, copied: 0, inPlace: 240 });
  expect((await world.catalog.readPolicy('p')).hold).toBeNull();
  expect(await world.object('k7')).toMatchObject({ observed: null, state: 'present' });
  expect(world.count('put', 'start-upload', 'delete')).toBe(0);
});

test('the same where the restore had the catalog that was made anew', async () => {
  await using world = await openRebuilt();
  expect(await restoreTo(world, world.source)).toMatchObject({ complete: true });
  for (const _ of [1, 2]) expect((await world.reconcile()).outcome).not.toBe('held');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0, inPlace: 240 });
});

test('a hold that a place which did not answer brought about ends with the look at what is there', async () => {
  await using world = await openRebuilt();
  await restoreTo(world, world.source, { withoutCatalog: true });
  await world.reconcile();
  world.source.failWith('unavailable', 'head');
  expect(await world.reconcile()).toMatchObject({ outcome: 'held' });
  world.source.heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', held: 0, copied: 0 });
});

test('an encrypted source is held once the copies told what they are, is looked at once, and replaces none of them', async () => {
  await using world = await openRebuilt();
  for (const key of keys) world.source.write(key, `BYTES OF ${key}`);
  expect((await pass(world)).hold).toBeUndefined();
  expect((await pass(world)).summary.outcome).toBe('incomplete');
  await world.reconcile();
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 120, copied: 0, repaired: 0 });
  world.source.forget();
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 120 });
  expect(world.source.count('head', 'read')).toBe(0);
  expect(untouched(world)).toBe(240);
});

test('what can be told to have changed is held at once; what nobody can tell for a day, too', async () => {
  await using world = await openRebuilt();
  for (const key of keys) world.source.write(key, `longer bytes of ${key}`);
  expect((await pass(world)).hold).toMatchObject({ overwritten: 120 });
  await using other = await openRebuilt();
  for (const key of keys) other.source.write(key, `BYTES OF ${key}`);
  expect((await pass(other)).hold).toBeUndefined();
  other.clock.advance(25 * 3_600_000);
  expect((await pass(other)).hold).toMatchObject({ overwritten: 120 });
  expect(untouched(world) + untouched(other)).toBe(480);
});
