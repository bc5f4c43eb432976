import { describe, expect, test } from 'vitest';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import { backRoom, restoreTo } from '../../support/restoring.ts';
import { offersAt } from '../../../src/replication/restore-at.ts';
import type { Dated } from '../../../src/replication/restore-kept.ts';
import { Place } from '../../support/place.ts';

const day = 24 * 3_600_000;
const guard = { maxChanged: 1, minObjects: 1 };

async function openKeeping(options: WorldOptions = {}): Promise<World> {
  const policy = { history: 30 * day, guard, minCopies: 1 };
  return await openWorld({ targets: { one: {}, two: {} }, ...options, policy });
}

/** The source has it from now on, and so have all targets. */
async function change(world: World, key: string, text: string): Promise<number> {
  const at = world.clock.now();
  world.source.bucket.write(key, { ...world.source.write(key, text), modifiedAt: at });
  await world.reconcile();
  world.clock.advance(1_000);
  return at;
}

async function textsAt(world: World, at: number, withoutCatalog: boolean): Promise<object> {
  const back = new Place(`back at ${at}`, world.clock);
  const { complete, report } = await restoreTo(world, back, { at, withoutCatalog });
  return { complete, leftOut: report.leftOut, ...Object.fromEntries(back.keys().map((key) => [key, back.text(key)])) };
}

describe.each([
  ['with the catalog', false],
  ['without a catalog', true],
])('%s', (_, withoutCatalog) => {
  test('each object is as it was at that time', async () => {
    await using world = await openKeeping();
    const first = await change(world, 'a', 'first');
    const second = await change(world, 'a', 'second');
    const other = await change(world, 'b', 'other');
    const third = await change(world, 'a', 'third');
    expect(await textsAt(world, first - 1, withoutCatalog)).toEqual({ complete: true, leftOut: 2 });
    expect(await textsAt(world, first, withoutCatalog)).toEqual({ complete: true, leftOut: 1, a: 'first' });
    expect(await textsAt(world, second + 500, withoutCatalog)).toEqual({ complete: true, leftOut: 1, a: 'second' });
    expect(await textsAt(world, other, withoutCatalog)).toEqual({
      complete: true,
      leftOut: 0,
      a: 'second',
      b: 'other',
    });
    expect(await textsAt(world, third, withoutCatalog)).toEqual({ complete: true, leftOut: 0, a: 'third', b: 'other' });
  });

  test('what was kept is taken from another place where it is damaged', async () => {
    await using world = await openKeeping();
    const first = await change(world, 'a', 'first');
    await change(world, 'a', 'second');
    const one = world.target('one');
    for (const key of one.keys().filter((key) => key.startsWith('.holdfast/history/'))) one.flip(key);
    expect(await textsAt(world, first, withoutCatalog)).toEqual({ complete: true, leftOut: 0, a: 'first' });
  });

  test('an object whose copies were deleted, but of which something is kept', async () => {
    await using world = await openKeeping();
    const first = await change(world, 'a', 'first');
    await change(world, 'a', 'second');
    await change(world, 'b', 'other');
    for (const target of world.targets) target.bucket.objects.delete('a');
    expect(await textsAt(world, first, withoutCatalog)).toEqual({ complete: true, leftOut: 1, a: 'first' });
  });

  test('where what replaced it is not there any more, an older one is not taken for what was there', async () => {
    await using world = await openKeeping();
    const first = await change(world, 'a', 'first');
    const second = await change(world, 'a', 'second');
    const third = await change(world, 'a', 'third');
    for (const { bucket } of world.targets) {
      for (const [key, { record }] of bucket.objects)
        if (key.startsWith('.holdfast/history/') && record?.sourceModifiedAt === second) bucket.objects.delete(key);
    }
    expect(await textsAt(world, first, withoutCatalog)).toEqual({ complete: true, leftOut: 0, a: 'first' });
    expect(await textsAt(world, third - 1, withoutCatalog)).toEqual({ complete: false, leftOut: 0, a: 'first' });
  });

  test('the same bytes again under the same name, as where a version is an ETag', async () => {
    await using world = await openKeeping();
    const times: number[] = [];
    for (const text of ['one', 'other', 'one']) {
      const at = world.clock.now();
      const stored = world.source.write('a', text);
      world.source.bucket.objects.set('a', { ...stored, version: `"${text}"`, modifiedAt: at });
      await world.reconcile();
      world.clock.advance(1_000);
      times.push(at + 500);
    }
    const [first = 0, second = 0, third = 0] = times;
    expect(await textsAt(world, first, withoutCatalog)).toEqual({ complete: true, leftOut: 0, a: 'one' });
    expect(await textsAt(world, second, withoutCatalog)).toEqual({ complete: true, leftOut: 0, a: 'other' });
    expect(await textsAt(world, third, withoutCatalog)).toEqual({ complete: true, leftOut: 0, a: 'one' });
  });

  test('the attributes are those of that version, without what Holdfast added', async () => {
    await using world = await openKeeping();
    const attributes = { contentType: 'a/b', metadata: { owner: 'ana' } };
    const at = world.clock.now();
    world.source.bucket.write('a', { ...world.source.write('a', 'first'), modifiedAt: at, attributes });
    await world.reconcile();
    world.clock.advance(1_000);
    await change(world, 'a', 'second');
    const back = backRoom(world);
    await restoreTo(world, back, { at, withoutCatalog });
    expect(back.bucket.objects.get('a')).toMatchObject({ attributes, record: { sourceModifiedAt: at } });
  });
});

test("what a provider's own versioning keeps, the catalog knows", async () => {
  await using world = await openKeeping({ targets: { one: {} } });
  world.target('one').bucket.versioning = true;
  const first = await change(world, 'a', 'first');
  await change(world, 'a', 'second');
  expect(await textsAt(world, first, false)).toEqual({ complete: true, leftOut: 0, a: 'first' });
  expect(await textsAt(world, first, true)).toEqual({ complete: true, leftOut: 1 });
});

function dated(text: string, since: number | null, replacedAt: number | null): Dated {
  const choice = {
    sha256: text,
    checksums: {},
    size: 1,
    version: text,
    modifiedAt: since ?? 0,
    attributes: null,
    candidates: [],
  };
  return { choice, since, replacedAt };
}

test.each<[string, Dated[], number, (string | boolean)[]]>([
  ['the newest by then', [dated('a', 1, 50), dated('b', 5, null)], 20, ['b', false, 'a', true]],
  ['not there yet', [dated('a', 30, null)], 20, []],
  ['what replaced it is not kept any more', [dated('a', 1, 5), dated('c', 30, null)], 20, ['a', true]],
  ['a time that went back at the source', [dated('a', 10, 50), dated('b', 5, null)], 60, ['b', false, 'a', true]],
  ['the same again', [dated('a', 20, null), dated('b', 10, 20), dated('a', 1, 10)], 5, ['a', false]],
  ['the same again, and still', [dated('a', 20, null), dated('a', 1, 10)], 30, ['a', false, 'a', true]],
  ['nothing tells since when', [dated('a', null, 50), dated('b', 30, null)], 20, ['a', false]],
])('%s', (_, versions, at, expected) => {
  expect(offersAt(versions, at).flatMap(({ choice, older }) => [choice.sha256, older])).toEqual(expected);
});
