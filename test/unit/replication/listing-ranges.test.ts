import { expect, test } from 'vitest';
import { openWorld, type World } from '../../support/engine.ts';
import type { Place } from '../../support/place.ts';

const pageSize = 10;
const count = 1_000;

/** Counts what a listing costs from now on: pages, and chains of them. */
function watched(place: Place): { pages: number; chains: number } {
  const seen = { pages: 0, chains: 0 };
  place.listing = async function* (pages) {
    seen.chains += 1;
    for await (const page of pages) {
      seen.pages += 1;
      yield page;
    }
  };
  return seen;
}

async function copied(listsAfter: boolean): Promise<World> {
  const settings = { pageSize, capabilities: { listsAfter } };
  const world = await openWorld({ source: settings, targets: { one: settings, two: settings } });
  for (let n = 0; n < count; n += 1) world.source.write(`k${String(n).padStart(4, '0')}`, `${n}`);
  expect(await world.reconcile()).toMatchObject({ copied: 2 * count, outcome: 'complete' });
  return world;
}

test('a pass over an unchanged set lists source and targets by ranges, with hardly more requests', async () => {
  await using world = await copied(true);
  const places = [world.source, ...world.targets];
  const seen = places.map(watched);
  expect(await world.reconcile()).toMatchObject({ inPlace: 2 * count, copied: 0, outcome: 'complete' });
  for (const { pages, chains } of seen) {
    expect(chains).toBeGreaterThan(10);
    expect(pages).toBeLessThanOrEqual((count / pageSize) * 1.05);
  }
});

test('a first pass and a deep one list in one chain: keys in another order than a provider says show there', async () => {
  const settings = { pageSize, capabilities: { listsAfter: true } };
  await using world = await openWorld({ source: settings, targets: { one: settings } });
  for (let n = 0; n < count; n += 1) world.source.write(`k${String(n).padStart(4, '0')}`, `${n}`);
  const seen = watched(world.source);
  world.target('one').failWith('denied', 'put');
  await world.reconcile();
  expect(seen.chains).toBe(1);
  world.target('one').heal();
  await world.reconcile({ deep: true });
  expect(seen.chains).toBe(2);
});

test('what is new, overwritten or gone anywhere is found just so', async () => {
  await using world = await copied(true);
  world.source.write('k0500-new', 'new');
  world.source.write('k0321', 'overwritten');
  world.source.bucket.objects.delete('k0700');
  const [one, two] = world.targets;
  for (const key of ['k0000', 'k0333', 'k0999']) one?.bucket.objects.delete(key);
  two?.write('k0444-foreign', 'x');
  const report = await world.reconcile();
  expect(report).toMatchObject({ objects: count, copied: 4, repaired: 3, outcome: 'complete' });
  expect([one?.text('k0500-new'), two?.text('k0321'), one?.text('k0333')]).toEqual(['new', 'overwritten', '333']);
});

test('a provider that reads every listing from the start is read in one chain', async () => {
  await using world = await copied(false);
  const seen = [world.source, ...world.targets].map(watched);
  await world.reconcile();
  expect(seen).toEqual(seen.map(() => ({ pages: count / pageSize, chains: 1 })));
});
