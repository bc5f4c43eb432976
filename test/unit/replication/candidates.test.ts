import { expect, test } from 'vitest';
import { openWorld } from '../../support/engine.ts';

test('a repair reads where reading is free, before places that bill for it', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {}, three: { capabilities: { freeReads: true } } } });
  world.source.write('a', 'bytes');
  world.source.write('b', 'so that the source is not empty');
  await world.reconcile();
  world.source.bucket.objects.delete('a');
  await world.reconcile();
  world.target('one').bucket.objects.delete('a');
  world.forget();
  expect(await world.reconcile()).toMatchObject({ repaired: 1 });
  expect(world.targets.map((place) => place.count('read'))).toEqual([0, 0, 1]);
});

test('a place that turns out damaged while it is read is passed over for the next one', async () => {
  await using world = await openWorld();
  world.source.write('a', 'bytes');
  world.source.write('b', 'so that the source is not empty');
  await world.reconcile();
  world.source.bucket.objects.delete('a');
  await world.reconcile();
  world.target('one').bucket.objects.delete('a');
  world.target('two').flip('a');
  expect(await world.reconcile()).toMatchObject({ repaired: 1 });
  expect(world.target('one').text('a')).toBe('bytes');
});

test('a copy that is missing is made from one that is proven only just now, when nothing else is left', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {} } });
  for (const key of ['a', 'b']) world.source.write(key, 'bytes');
  await world.reconcile();
  world.source.bucket.objects.delete('a');
  await world.reconcile();
  world.target('one').bucket.objects.delete('a');
  expect(await world.reconcile({ deep: true })).toMatchObject({ outcome: 'complete', repaired: 1 });
});
