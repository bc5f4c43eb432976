import { expect, test } from 'vitest';
import { runPass } from '../../../src/replication/pass.ts';
import { Worker } from '../../../src/replication/worker.ts';
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

/** `second` went to all targets but some, and the process died before the catalog heard of it; then the object went. */
async function crashedAndGone(without: readonly string[]): Promise<World> {
  const world = await openWorld({ targets: { one: {}, two: {}, three: {} }, policy: { minCopies: 1 } });
  world.source.write('a', 'first');
  world.source.write('b', 'other');
  await world.reconcile();
  world.source.write('a', 'second');
  for (const name of without) world.target(name).failWith('unavailable', 'put');
  const catalog = new Proxy(world.catalog, {
    get: (inner, name) => {
      if (name === 'settle') return () => Promise.reject(new Error('it died'));
      const value: unknown = Reflect.get(inner, name);
      return typeof value === 'function' ? (value.bind(inner) as unknown) : value;
    },
  });
  await expect(world.reconcile({ engine: { ...world.engine, catalog } })).rejects.toThrow('it died');
  for (const name of without) world.target(name).heal();
  expect(world.targets.filter((place) => place.text('a') === 'second').length).toBe(3 - without.length);
  world.source.bucket.objects.delete('a');
  world.clock.advance(100_000);
  return world;
}

test.each([[[]], [['three']], [['two', 'three']]])(
  'what a crash left of a version that went is what the object was at last (all but %j)',
  async (without) => {
    await using world = await crashedAndGone(without);
    for (const _ of [1, 2, 3, 4]) {
      await world.reconcile();
      world.clock.advance(3_600_000);
    }
    expect(world.targets.map((place) => place.text('a'))).toEqual(['second', 'second', 'second']);
    expect(await world.object('a')).toMatchObject({ state: 'gone', size: 6 });
    expect(await world.catalog.counts('p')).toMatchObject({ lost: 0, gone: 1, copies: { verified: 6 } });
    await world.reconcile();
    expect(world.targets.map((place) => place.text('a'))).toEqual(['second', 'second', 'second']);
  },
);

test('that is so too when it is heard only after the others were proven to hold the version before', async () => {
  await using world = await crashedAndGone(['two', 'three']);
  world.target('one').failWith('unavailable');
  for (const _ of [1, 2]) await world.reconcile();
  expect(await world.copy('a', 'two')).toMatchObject({ state: 'verified' });
  world.target('one').heal();
  for (const _ of [1, 2, 3]) {
    world.clock.advance(3_600_000);
    await world.reconcile();
  }
  expect(world.targets.map((place) => place.text('a'))).toEqual(['second', 'second', 'second']);
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 0, gone: 1, copies: { verified: 6 } });
  expect((await world.events('a')).filter((event) => event === 'former')).toHaveLength(2);
});

test('what a target says of a version that the catalog never knew does not become what the object was', async () => {
  await using world = await crashedAndGone(['one', 'two', 'three']);
  const stored = world.target('three').bucket.objects.get('a');
  if (stored === undefined) throw new Error('it is there');
  const { record } = stored;
  world.target('three').bucket.objects.set('a', { ...stored, record: { ...record, sourceVersion: 'forged' } });
  for (const _ of [1, 2, 3]) {
    await world.reconcile({ deep: true });
    world.clock.advance(3_600_000);
  }
  expect(world.targets.map((place) => place.text('a'))).toEqual(['first', 'first', 'first']);
  expect((await world.object('a')).version).not.toBe('forged');
});

test('of an object that is gone the newest version that any target holds is not passed over while that target is away', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {}, three: {} } });
  world.source.write('a', 'first');
  world.source.write('b', 'other');
  await world.reconcile();
  for (const name of ['two', 'three']) world.target(name).failWith('unavailable', 'put');
  world.source.write('a', 'second');
  await world.reconcile();
  for (const { name } of world.targets) world.target(name).heal();
  expect(world.targets.map((place) => place.text('a'))).toEqual(['second', 'first', 'first']);
  await world.loseCatalog();
  world.source.write('a', 'third');
  await pass(world);
  world.source.bucket.objects.delete('a');
  await pass(world);
  await world.catalog.decideObserved('p', 'apply');
  expect(await world.object('a')).toMatchObject({ state: 'gone', sha256: null });
  world.target('one').failWith('unavailable');
  await world.reconcile();
  expect(await world.object('a')).toMatchObject({ sha256: null });
  world.target('one').heal();
  world.clock.advance(3_600_000);
  for (const _ of [1, 2]) await world.reconcile();
  expect(await world.object('a')).toMatchObject({ size: 'second'.length });
  expect(await world.copy('a')).toMatchObject({ state: 'verified' });
});

test('what waits for the source to have the object as it was is looked at when the object is gone', async () => {
  await using world = await openWorld({ targets: { one: {} }, policy: { minCopies: 1 } });
  world.source.write('a', 'first');
  world.source.write('b', 'other');
  await world.reconcile();
  await world.loseCatalog();
  for (const text of ['second', 'third']) {
    world.source.write('a', text);
    await pass(world);
    await world.catalog.decideObserved('p', 'apply');
  }
  world.source.before = ({ operation, key }) => {
    if (operation !== 'head' || key !== 'a') return;
    world.source.before = () => undefined;
    world.source.write('a', 'fourth');
  };
  await world.catalog.makeDue('p', {});
  const calm = new AbortController().signal;
  for (const { site } of world.targets) await site.connect('target', calm);
  await new Worker(world.engine, { policies: [world.policy], finished: () => true }).run(calm, calm);
  expect((await world.copy('a')).dueAt).toBeGreaterThan(world.clock.now() + 3_600_000);
  world.source.bucket.objects.delete('a');
  await pass(world);
  await world.catalog.decideObserved('p', 'apply');
  expect((await world.copy('a')).dueAt).toBeLessThanOrEqual(world.clock.now());
});

test('what an object that is gone was before it went on to a later version stays readable without a history', async () => {
  await using world = await crashedAndGone(['two', 'three']);
  world.target('one').failWith('unavailable');
  for (const _ of [1, 2]) await world.reconcile();
  world.target('one').heal();
  for (const _ of [1, 2, 3]) {
    world.clock.advance(3_600_000);
    await world.reconcile();
  }
  const kept = await world.catalog.keptOf('p', 'a');
  expect(new Set(kept.map(({ target }) => target))).toEqual(new Set(['two', 'three']));
  for (const { target, place } of kept)
    expect(place.by === 'holdfast' && world.target(target).text(place.key)).toBe('first');
});
