import { expect, test } from 'vitest';
import { runPass } from '../../../src/replication/pass.ts';
import { openWorld, type World } from '../../support/engine.ts';

/** A pass with nobody working beside it. */
async function pass(world: World): Promise<void> {
  const options = { full: true, deep: false, dryRun: false, onProgress: () => undefined };
  await runPass(world.engine, world.policy, options, new AbortController().signal);
}

/** `a` copied as `first`; then it became `second`, of which a pass knows and no target has anything. */
async function worldWithSecond(): Promise<World> {
  const world = await openWorld({ targets: { one: {}, two: {} } });
  world.source.write('a', 'first');
  world.source.write('b', 'other');
  await world.reconcile();
  world.source.write('a', 'second');
  await pass(world);
  return world;
}

test('a version that came and went before it was copied is not lost: the object is what the targets hold of it', async () => {
  await using world = await worldWithSecond();
  const { version } = await world.object('a');
  expect(await world.copy('a')).toMatchObject({ state: 'pending' });
  world.source.bucket.objects.delete('a');
  for (const _ of [1, 2]) await world.reconcile();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', failed: 0 });
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 0, gone: 1, copies: { verified: 4, pending: 0 } });
  expect(world.targets.map((place) => place.text('a'))).toEqual(['first', 'first']);
  expect((await world.object('a')).version).not.toBe(version);
  expect(await world.events('a')).toContain('former');
});

test('what is copied while it vanishes is what the object was', async () => {
  await using world = await worldWithSecond();
  const { version } = await world.object('a');
  world.target('two').failWith('unavailable', 'put');
  world.target('one').after = async ({ operation, key }) => {
    if (operation !== 'put' || key !== 'a') return;
    world.target('one').after = () => undefined;
    world.source.bucket.objects.delete('a');
    await pass(world);
  };
  await world.reconcile();
  world.target('two').heal();
  for (const _ of [1, 2, 3]) await world.reconcile();
  expect(world.targets.map((place) => place.text('a'))).toEqual(['second', 'second']);
  expect(await world.object('a')).toMatchObject({ version, state: 'gone' });
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 0, gone: 1, copies: { verified: 4 } });
});

test('of an object that went before its last version was copied, what a crash left unproven is kept', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {}, three: {} } });
  world.source.write('a', 'first');
  world.source.write('b', 'other');
  await world.reconcile();
  await world.loseCatalog();
  world.target('three').bucket.objects.delete('a');
  const decide = async (): Promise<void> => void (await world.catalog.decideObserved('p', 'apply'));
  for (const text of ['second', 'third']) {
    world.source.write('a', text);
    await pass(world);
    await decide();
  }
  expect(await world.copy('a')).toMatchObject({ state: 'pending', evidence: null });
  world.source.bucket.objects.delete('a');
  await pass(world);
  await decide();
  expect(await world.object('a')).toMatchObject({ state: 'gone', sha256: null });
  for (const _ of [1, 2]) await world.reconcile();
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 0, gone: 1, copies: { verified: 6, pending: 0 } });
  expect(world.targets.map((place) => place.text('a'))).toEqual(['first', 'first', 'first']);
});
