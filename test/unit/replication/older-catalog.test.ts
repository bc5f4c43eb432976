import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noAttributes } from '../../../src/objects/object.ts';
import { rebuild } from '../../../src/replication/rebuild.ts';
import { openWorld, type World } from '../../support/engine.ts';

const calm = new AbortController().signal;

function write(world: World, key: string, text: string, modifiedAt: number): void {
  const content = { bytes: Buffer.from(text), modifiedAt, attributes: noAttributes, checksums: {} };
  world.source.bucket.write(key, { ...content, record: undefined as never });
}

/** `a` is the second version at one and two, and the first at three, and the catalog is older than that. */
async function worldWithOlderCatalog(modifiedAt: number): Promise<World> {
  const world = await openWorld({ policy: { guard: { maxChanged: 1, minObjects: 1 } } });
  write(world, 'a', 'version 1', 1_000);
  write(world, 'b', 'other', 1_000);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
  const older = join(world.directory, 'older.db');
  await world.catalog.copyTo(older);
  world.target('three').failWith('unavailable');
  world.clock.advance(1_000);
  write(world, 'a', 'VERSION 2', modifiedAt);
  await world.reconcile();
  expect(world.target('one').text('a')).toBe('VERSION 2');
  world.target('three').heal();
  await world.backTo(older);
  world.clock.advance(100_000);
  return world;
}

async function rebuildWithout(world: World, targets: readonly string[]): Promise<void> {
  for (const name of targets) world.target(name).failWith('unavailable');
  const options = { deep: false, onProblem: () => undefined, onProgress: () => undefined };
  await rebuild(world.engine, world.policy, options, calm);
  for (const name of targets) world.target(name).heal();
}

async function passes(world: World): Promise<void> {
  for (const _ of [1, 2, 3]) {
    world.clock.advance(3_600_000);
    await world.reconcile();
  }
}

/** At its key or kept, anywhere. */
function isSomewhere(world: World, text: string): boolean {
  return world.targets.some((place) =>
    [...place.bucket.objects.values()].some(({ bytes }) => bytes.toString() === text),
  );
}

const rebuilding: readonly (readonly [string, readonly string[] | undefined])[] = [
  ['put back as it was', undefined],
  ['rebuilt from while nobody who has the newer version answers', ['one', 'two']],
  ['rebuilt from while one of these does not answer', ['one']],
  ['rebuilt from', []],
];

test.each(rebuilding.flatMap(([how, away]) => [2_000, 500].map((modifiedAt) => ({ how, away, modifiedAt }))))(
  'an older catalog, $how, does not destroy what it never heard of (modified at $modifiedAt), the source being empty',
  async ({ away, modifiedAt }) => {
    await using world = await worldWithOlderCatalog(modifiedAt);
    world.source.bucket.objects.clear();
    if (away !== undefined) await rebuildWithout(world, away);
    await passes(world);
    expect(isSomewhere(world, 'VERSION 2')).toBe(true);
  },
);

test.each(rebuilding)('nor with the source in place and its change held, when it was %s', async (_, away) => {
  await using world = await worldWithOlderCatalog(2_000);
  world.policy = { ...world.policy, guard: { maxChanged: 0, minObjects: 1 } };
  if (away !== undefined) await rebuildWithout(world, away);
  await passes(world);
  expect(isSomewhere(world, 'VERSION 2')).toBe(true);
});

test('what the source could not be asked about is looked at again soon', async () => {
  await using world = await worldWithOlderCatalog(2_000);
  await rebuildWithout(world, []);
  world.source.failWith('unavailable');
  world.clock.advance(1_000);
  await world.reconcile();
  expect(world.target('three').text('a')).toBe('version 1');
  const { error, dueAt } = await world.copy('a', 'three');
  expect(error?.code).toBe('conflict');
  expect(dueAt).toBeLessThan(world.clock.now() + 600_000);
  world.source.heal();
  await world.reconcile();
  expect(world.target('three').text('a')).toBe('VERSION 2');
});
