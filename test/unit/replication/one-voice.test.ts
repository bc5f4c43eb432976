import { expect, test } from 'vitest';
import { ProviderError } from '../../../src/objects/errors.ts';
import { runPass } from '../../../src/replication/pass.ts';
import { openWorld, type World } from '../../support/engine.ts';
import { claimedBy } from '../../support/place.ts';

const calm = new AbortController().signal;
const down = { state: 'down', lastError: null } as const;
const up = { state: 'up', lastError: null } as const;

/** The catalog lost, and every copy found again and not looked at yet; one's record vouches for other bytes than the rest's. */
async function contradicted(): Promise<World> {
  const world = await openWorld();
  const { version } = world.source.write('a', 'right');
  await world.reconcile();
  world.target('one').write('a', 'wrong');
  await claimedBy(world.target('one'), 'a', version);
  await world.loseCatalog();
  const options = { full: true, deep: false, dryRun: false, onProgress: () => undefined };
  await runPass(world.engine, world.policy, options, calm);
  expect((await world.object('a')).copies.map(({ state }) => state)).toEqual(Array(3).fill('unproven'));
  return world;
}

test.each([['one'], ['two']])(
  'the copy at %s, claimed alone, does not decide against what the others say',
  async (alone) => {
    await using world = await contradicted();
    for (const place of world.targets) place.health = place.name === alone ? up : down;
    await world.reconcile();
    expect((await world.copy('a', alone)).state).toBe('verified');
    for (const place of world.targets) place.health = up;
    for (const _ of [1, 2]) await world.reconcile();
    expect(world.targets.map((place) => place.text('a'))).toEqual(['right', 'right', 'right']);
    expect(await world.catalog.counts('p')).toMatchObject({ safe: 1, sourceDamaged: 0, lost: 0 });
  },
);

test('one voice among silent ones is not believed against the source: who is right is seen when they answer', async () => {
  await using world = await contradicted();
  const silent = [world.target('two'), world.target('three')];
  for (const place of silent) {
    place.before = ({ operation }) => {
      throw new ProviderError('unavailable', `it does not answer to ${operation}`, { provider: place.name });
    };
  }
  await world.reconcile();
  expect((await world.copy('a', 'one')).state).not.toBe('verified');
  for (const place of silent) place.before = () => undefined;
  for (const _ of [1, 2]) {
    world.clock.advance(3_600_000);
    await world.reconcile();
  }
  expect(world.targets.map((place) => place.text('a'))).toEqual(['right', 'right', 'right']);
});
