import { expect, test } from 'vitest';
import type { Operation } from '../../../src/providers/intercept.ts';
import { openWorld, type World } from '../../support/engine.ts';
import type { Place } from '../../support/place.ts';
import { backRoom, restoreTo } from '../../support/restoring.ts';

const keys = ['a', 'b', 'c'];

async function openCopied(): Promise<World> {
  const world = await openWorld({ targets: { one: {}, two: {} } });
  for (const key of keys) world.source.write(key, `bytes of ${key}`);
  await world.reconcile();
  return world;
}

/** What no provider may throw, and what a fault of a library is all the same. */
function stumble(place: Place, over: Operation): void {
  place.before = ({ operation, key }) => {
    if (operation === over && key === 'b') throw new TypeError("Cannot read properties of undefined (reading 'etag')");
  };
}

test.each([
  ['with the catalog', false],
  ['without a catalog', true],
])(
  '%s: an answer that nobody foresaw is not the end: the object comes from another place',
  async (_, withoutCatalog) => {
    await using world = await openCopied();
    stumble(world.target('one'), 'read');
    const back = backRoom(world);
    const { report, complete } = await restoreTo(world, back, { withoutCatalog });
    expect([report, complete]).toMatchObject([{ restored: 3, failed: 0, from: { one: 2, two: 1 } }, true]);
    expect(back.text('b')).toBe('bytes of b');
  },
);

test.each(['read', 'head'] as const)(
  'where %s fails so everywhere, one object fails and the others come back',
  async (over) => {
    await using world = await openCopied();
    for (const place of world.targets) stumble(place, over);
    const back = backRoom(world);
    const { report, problems, complete } = await restoreTo(world, back, { withoutCatalog: true });
    expect([report, complete]).toMatchObject([{ restored: 2, failed: 1 }, false]);
    expect(back.keys()).toEqual(['a', 'c']);
    expect(problems.map(({ key }) => key)).toEqual(['b']);
  },
);

test.each(['put', 'head'] as const)(
  'a destination that stumbles over one object (%s) takes the others',
  async (over) => {
    await using world = await openCopied();
    const back = backRoom(world);
    if (over === 'head') back.write('b', 'something');
    stumble(back, over);
    const { report, problems } = await restoreTo(world, back);
    expect(report).toMatchObject({ restored: 2, failed: 1 });
    expect(problems).toMatchObject([
      { key: 'b', code: 'invalid', message: expect.stringMatching(/unexpected failure: Cannot read/) as string },
    ]);
  },
);

test('as it was at a time: one object fails by itself too', async () => {
  await using world = await openCopied();
  for (const place of world.targets) stumble(place, 'read');
  const { report } = await restoreTo(world, backRoom(world), { at: Date.now() + 1000 });
  expect(report).toMatchObject({ restored: 2, failed: 1 });
});
