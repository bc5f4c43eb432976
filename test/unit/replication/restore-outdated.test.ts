import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openWorld, type World } from '../../support/engine.ts';
import { backRoom, restoreTo } from '../../support/restoring.ts';

/** A second version arrives everywhere but at the targets that are away; then the catalog of before is put back. */
async function outdated(...away: readonly string[]): Promise<World> {
  const world = await openWorld({ policy: { guard: { maxChanged: 1, minObjects: 0 } } });
  world.source.bucket.write('a', { ...world.source.write('a', 'version 1'), modifiedAt: 1000 });
  await world.reconcile();
  const copy = join(world.directory, 'snapshot.db');
  await world.catalog.copyTo(copy);
  for (const name of away) world.target(name).failWith('unavailable');
  world.source.bucket.write('a', { ...world.source.write('a', 'VERSION 2'), modifiedAt: 2000 });
  await world.reconcile();
  for (const name of away) world.target(name).heal();
  await world.backTo(copy);
  return world;
}

test.each([[['three']], [[]]])(
  'with an older catalog the newer version is restored that most copies are (away: %j)',
  async (away) => {
    await using world = await outdated(...away);
    const back = backRoom(world);
    expect(await restoreTo(world, back)).toMatchObject({ complete: true });
    expect(back.text('a')).toBe('VERSION 2');
  },
);

test('what a single copy says against the catalog and the others is not followed, and not passed over in silence', async () => {
  await using world = await outdated('two', 'three');
  const back = backRoom(world);
  const { complete, problems } = await restoreTo(world, back);
  expect(back.text('a')).toBe('version 1');
  expect(complete).toBe(false);
  expect(problems).toMatchObject([{ key: 'a', provider: 'one', code: 'older' }]);
  expect(problems[0]?.message).toContain('--from one');
  const alone = backRoom(world);
  await restoreTo(world, alone, { from: ['one'] });
  expect(alone.text('a')).toBe('VERSION 2');
});
