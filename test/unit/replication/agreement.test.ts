import { expect, test } from 'vitest';
import { openWorld, type World } from '../../support/engine.ts';

/** An object that was never read, whose source is gone, and something at the targets. */
async function unread(world: World, standing: Readonly<Record<string, string>>): Promise<void> {
  world.source.write('a', 'right');
  for (const [name, text] of Object.entries(standing)) world.target(name).write('a', text);
  world.source.failWith('unavailable', 'read', 'head');
  await world.reconcile();
  world.source.heal();
  world.source.bucket.objects.delete('a');
  world.source.write('another', 'so that the source is not empty');
  await world.reconcile();
}

test('without a digest and a source, what at least two copies hold decides, and the others are repaired', async () => {
  await using world = await openWorld();
  await unread(world, { one: 'right', two: 'wrong', three: 'right' });
  expect(await world.reconcile()).toMatchObject({ failed: 0 });
  expect(world.targets.map((place) => place.text('a'))).toEqual(['right', 'right', 'right']);
  expect(await world.object('a')).toMatchObject({ state: 'gone' });
});

test.each([
  ['one copy alone', { one: 'right' }, 1],
  ['each says something else', { one: 'right', two: 'wrong', three: 'worse' }, 3],
])('%s: quarantined, every copy left as it is', async (_, standing, copies) => {
  await using world = await openWorld();
  await unread(world, standing);
  await world.reconcile();
  const problems = (await world.problems()).filter(({ state }) => state === 'unproven');
  expect(problems).toHaveLength(copies);
  for (const { error } of problems) {
    expect(error).toMatchObject({ code: 'conflict', message: expect.stringMatching(/^quarantined: /) as string });
  }
  const texts = Object.fromEntries(
    world.targets.flatMap((place) => {
      const text = place.text('a');
      return text === undefined ? [] : [[place.name, text]];
    }),
  );
  expect(texts).toEqual(standing);
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 0 });
});

test('two against two is no agreement', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {}, three: {}, four: {} } });
  const standing = { one: 'right', two: 'right', three: 'wrong', four: 'wrong' };
  await unread(world, standing);
  await world.reconcile();
  expect(world.targets.map((place) => place.text('a'))).toEqual(Object.values(standing));
  expect((await world.problems()).map(({ state }) => state)).toEqual(Array(4).fill('unproven'));
});

test('a copy that cannot be read now may be the voice that matters: nothing is decided without it', async () => {
  await using world = await openWorld();
  const standing = { one: 'right', two: 'wrong', three: 'wrong' };
  world.target('one').failWith('unavailable', 'read');
  await unread(world, standing);
  await world.reconcile();
  expect(world.targets.map((place) => place.text('a'))).toEqual(Object.values(standing));
});
