import { expect, test } from 'vitest';
import { openWorld, type World } from '../../support/engine.ts';
import { claimedBy } from '../../support/place.ts';

const zeros = '\0'.repeat(5);

/**
 * An object that was never read, whose source is gone, and something at the targets; at those in `recorded` with the
 * record of just these bytes and this version.
 */
async function unread(
  world: World,
  standing: Readonly<Record<string, string>>,
  recorded: readonly string[] = [],
): Promise<void> {
  const { version } = world.source.write('a', 'right');
  for (const [name, text] of Object.entries(standing)) world.target(name).write('a', text);
  for (const name of recorded) await claimedBy(world.target(name), 'a', version);
  await takeAway(world);
}

/** The source's object is listed, cannot be read, and is gone. */
async function takeAway(world: World): Promise<void> {
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

test('two twins full of zeros do not outvote a copy whose own record vouches for its bytes', async () => {
  await using world = await openWorld();
  await unread(world, { one: 'right', two: zeros, three: zeros }, ['one']);
  await world.reconcile();
  expect(world.targets.map((place) => place.text('a'))).toEqual(['right', 'right', 'right']);
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 0 });
});

test('a record that does not fit the bytes it lies beside vouches for nothing', async () => {
  await using world = await openWorld();
  const { version } = world.source.write('a', 'right');
  for (const [name, text] of Object.entries({ one: 'wrong', two: 'right', three: 'right' })) {
    world.target(name).write('a', text);
  }
  await claimedBy(world.target('one'), 'a', version);
  world.target('one').flip('a');
  await takeAway(world);
  expect(world.targets.map((place) => place.text('a'))).toEqual(['right', 'right', 'right']);
});

test('records that vouch for different bytes decide nothing', async () => {
  await using world = await openWorld();
  const standing = { one: 'right', two: 'wrong', three: 'right' };
  await unread(world, standing, ['one', 'two']);
  await world.reconcile();
  expect(world.targets.map((place) => place.text('a'))).toEqual(Object.values(standing));
  expect(await world.object('a')).toMatchObject({ state: 'gone', sha256: null });
});

test('while a target with a copy is down, twins elsewhere decide nothing', async () => {
  await using world = await openWorld();
  const standing = { one: 'right', two: zeros, three: zeros };
  world.source.write('a', 'right');
  for (const [name, text] of Object.entries(standing)) world.target(name).write('a', text);
  world.source.failWith('unavailable', 'read', 'head');
  await world.reconcile();
  world.target('one').health = { state: 'down', lastError: null };
  world.source.heal();
  world.source.bucket.objects.delete('a');
  world.source.write('another', 'so that the source is not empty');
  for (const _ of [1, 2]) await world.reconcile();
  expect(await world.object('a')).toMatchObject({ state: 'gone', sha256: null });
  expect(world.targets.map((place) => place.text('a'))).toEqual(Object.values(standing));
  expect(await world.copy('a', 'two')).toMatchObject({ state: 'unproven', error: { code: 'unavailable' } });
});

test('copies that say that they are an older version do not outvote the one recorded for the version that is lost', async () => {
  await using world = await openWorld();
  world.source.write('a', 'version 1');
  world.source.write('another', 'so that the source is not empty');
  await world.reconcile();
  const { version } = world.source.write('a', 'version 2');
  world.target('three').write('a', 'version 2');
  await claimedBy(world.target('three'), 'a', version);
  await world.loseCatalog();
  world.source.before = ({ operation, key }) => {
    if ((operation === 'read' || operation === 'head') && key === 'a') world.source.bucket.objects.delete('a');
  };
  for (const _ of [1, 2]) await world.reconcile();
  expect(await world.object('a')).toMatchObject({ state: 'gone', version });
  // Nor are they replaced: the source does not say which is right, and a record can be forged.
  expect(world.targets.map((place) => place.text('a'))).toEqual(['version 1', 'version 1', 'version 2']);
  expect(await world.copy('a', 'three')).toMatchObject({ state: 'verified' });
});

test.each([
  ['with the catalog lost', true],
  ['touched at the targets meanwhile', false],
])('old copies do not pass for the new version that the source does not show for a moment, %s', async (_, lost) => {
  await using world = await openWorld({ targets: { one: {}, two: {} } });
  world.source.write('a', 'version 1');
  world.source.write('another', 'so that the source is not empty');
  await world.reconcile();
  if (lost) await world.loseCatalog();
  const { version } = world.source.write('a', 'version 2');
  world.source.failWith('unavailable', 'read');
  if (!lost) {
    await world.reconcile();
    for (const { bucket } of world.targets) {
      const stored = bucket.objects.get('a');
      if (stored !== undefined) bucket.write('a', stored);
    }
  }
  world.source.before = ({ operation, key }) => {
    if ((operation === 'read' || operation === 'head') && key === 'a') throw world.source.error('not-found', key);
  };
  for (const _round of [1, 2]) await world.reconcile();
  world.source.heal();
  for (const _round of [1, 2]) await world.reconcile({ deep: true });
  expect(await world.object('a')).toMatchObject({ version });
  expect(world.targets.map((place) => place.text('a'))).toEqual(['version 2', 'version 2']);
  expect(await world.catalog.counts('p')).toMatchObject({ safe: 2, lost: 0, sourceDamaged: 0 });
});

test('what copies agreed upon counts no more once the source has this very version again', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {} } });
  const stored = world.source.write('a', 'right');
  for (const name of ['one', 'two']) world.target(name).write('a', zeros);
  for (const _ of [1, 2]) await takeAway(world);
  expect(await world.object('a')).toMatchObject({ state: 'gone', version: stored.version });
  expect(await world.copy('a')).toMatchObject({ state: 'verified' });
  world.source.bucket.objects.set('a', stored);
  for (const _ of [1, 2]) await world.reconcile();
  expect(world.targets.map((place) => place.text('a'))).toEqual(['right', 'right']);
  expect(await world.catalog.counts('p')).toMatchObject({ safe: 2, sourceDamaged: 0, lost: 0 });
});

test('nor do the copies that were written after what others agreed upon', async () => {
  await using world = await openWorld();
  const stored = world.source.write('a', 'right');
  for (const name of ['one', 'two']) world.target(name).write('a', zeros);
  for (const _ of [1, 2]) await takeAway(world);
  expect(world.target('three').text('a')).toBe(zeros);
  world.source.bucket.objects.set('a', stored);
  for (const _ of [1, 2]) await world.reconcile();
  expect(world.targets.map((place) => place.text('a'))).toEqual(Array(3).fill('right'));
});
