import { expect, test } from 'vitest';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import { Place } from '../../support/place.ts';
import { restoreTo } from '../../support/restoring.ts';

const keys = ['a', 'b', 'c', 'd', 'e', 'f'];

/** A source that lost everything once it was copied. */
async function openLost(options: WorldOptions = {}): Promise<World> {
  const world = await openWorld({ targets: { one: {}, two: {} }, ...options });
  for (const key of keys) world.source.write(key, `bytes of ${key}`);
  await world.reconcile();
  world.source.bucket.objects.clear();
  return world;
}

/** The next pass finds everything in place, whatever the versions are called now. */
async function expectAllInPlace(world: World): Promise<void> {
  world.forget();
  const first = await world.reconcile();
  expect(first).toMatchObject({
    outcome: 'complete',
    objects: keys.length,
    copied: 0,
    repaired: 0,
    failed: 0,
    held: 0,
  });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0, inPlace: 2 * keys.length });
  expect(world.count('put', 'start-upload', 'delete')).toBe(0);
  for (const key of keys) {
    const { state, observed, copies } = await world.object(key);
    expect([state, observed, copies.map((copy) => copy.state)]).toEqual(['present', null, ['verified', 'verified']]);
  }
}

test.each([
  ['a pass did not see yet', false],
  ['is held', true],
])('a loss that %s: after the restore all is in place', async (_, seen) => {
  await using world = await openLost();
  if (seen) expect(await world.reconcile()).toMatchObject({ outcome: 'held' });
  expect(await restoreTo(world, world.source)).toMatchObject({ complete: true, report: { restored: keys.length } });
  await expectAllInPlace(world);
});

test('a loss that was let through: what is gone is present again', async () => {
  await using world = await openLost({ policy: { guard: { maxChanged: 1, minObjects: 1 } } });
  world.source.write('new', 'so that it is not empty');
  await world.reconcile();
  expect((await world.object('a')).state).toBe('gone');
  world.source.bucket.objects.delete('new');
  for (const place of world.targets) place.bucket.objects.delete('new');
  await restoreTo(world, world.source, { prefix: '' });
  await world.reconcile();
  expect((await world.object('a')).state).toBe('present');
});

test('the catalog was lost too', async () => {
  await using world = await openLost();
  await world.loseCatalog();
  expect(await restoreTo(world, world.source, { withoutCatalog: true })).toMatchObject({ complete: true });
  await expectAllInPlace(world);
});

test('restored elsewhere, by somebody without this catalog', async () => {
  await using world = await openLost();
  await restoreTo(world, world.source, { withoutCatalog: true });
  await expectAllInPlace(world);
});

test('another place at the address of the source is accepted once everything is there', async () => {
  await using world = await openLost({ source: { capabilities: { identity: 'old disk' } } });
  const fresh = new Place('source', world.clock, { capabilities: { identity: 'new disk' } });
  Object.assign(world, { source: fresh });
  world.policy = { ...world.policy, source: fresh.site };
  expect(await restoreTo(world, fresh, { prefix: 'a' })).toMatchObject({ complete: true });
  expect(await world.reconcile()).toMatchObject({ outcome: 'held' });
  expect(await restoreTo(world, fresh)).toMatchObject({ complete: true });
  await expectAllInPlace(world);
});

test('what only the source has, and still has, is in place', async () => {
  await using world = await openLost();
  for (const target of world.targets) target.failWith('unavailable', 'put');
  world.source.write('new', 'never copied');
  await world.reconcile({ prefix: 'new' });
  expect(await restoreTo(world, world.source)).toMatchObject({ complete: true, report: { restored: 6, inPlace: 1 } });
});

test('what is only of the same size is a change like any other', async () => {
  await using world = await openLost();
  for (const key of keys) world.source.write(key, `BYTES OF ${key}`);
  expect(await world.reconcile()).toMatchObject({ outcome: 'held' });
  expect((await world.object('a')).observed).toMatchObject({ kind: 'overwritten' });
});

test('a record that says it is the same, on other bytes, is not believed', async () => {
  await using world = await openLost();
  for (const key of keys) {
    const record = world.target('one').bucket.objects.get(key)?.record;
    if (record === undefined) throw new Error(`no record of ${key}`);
    world.source.bucket.write(key, { ...world.source.write(key, `BYTES OF ${key}`), record });
  }
  expect(await world.reconcile()).toMatchObject({ outcome: 'held' });
});
