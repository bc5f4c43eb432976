import { expect, test } from 'vitest';
import type { AuditProblem } from '../../../src/replication/verify-report.ts';
import { verify } from '../../../src/replication/verify.ts';
import { openWorld, type World } from '../../support/engine.ts';
import type { Place } from '../../support/place.ts';

/** Somebody copied the object over itself without what Holdfast wrote beside it. */
function loseRecord(place: Place, key: string): void {
  const stored = place.bucket.objects.get(key);
  if (stored === undefined) throw new Error(`${place.name} holds no ${key}`);
  place.bucket.objects.set(key, { ...stored, record: undefined as never });
}

async function named(world: World): Promise<readonly string[]> {
  const problems: AuditProblem[] = [];
  const onProblem = (problem: AuditProblem): number => problems.push(problem);
  const options = { read: 1, onProblem, onProgress: () => undefined };
  await verify(world.engine, world.policy, options, new AbortController().signal);
  return problems.map(({ state, key, provider }) => `${state} ${key} at ${provider}`);
}

async function rounds(world: World): Promise<void> {
  for (const _ of [1, 2, 3]) {
    await world.reconcile({ deep: true });
    world.clock.advance(2 * 3_600_000);
  }
}

const awayBy: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'gone at the source': async (world) => {
    world.source.bucket.objects.delete('a');
    await world.reconcile();
    await world.catalog.decideHold('p', 'released', { by: 'me' });
    expect(await world.object('a')).toMatchObject({ state: 'gone' });
  },
  'kept against the source': async (world) => {
    world.source.write('a', 'ENCRYPTED!');
    await world.reconcile();
    await world.catalog.decideHold('p', 'rejected', { by: 'me' });
    expect(await world.object('a')).toMatchObject({ rejected: { kind: 'overwritten' } });
  },
  'out of reach': async (world) => {
    world.source.failWith('unavailable');
    await Promise.resolve();
  },
};

test.each(Object.keys(awayBy))('all copies lose their records, not a byte, the object %s: not lost', async (how) => {
  await using world = await openWorld({ policy: { guard: { maxChanged: 0, minObjects: 1 } } });
  world.source.write('a', 'bytes of a');
  world.source.write('z', 'so that the source is not empty');
  await world.reconcile();
  await awayBy[how]?.(world);
  for (const place of world.targets) loseRecord(place, 'a');
  expect(await named(world)).toEqual(
    expect.arrayContaining(['damaged a at one', 'damaged a at two', 'damaged a at three']),
  );
  await rounds(world);
  expect((await world.object('a')).copies.map(({ state }) => state)).toContain('verified');
  expect(world.targets.map((place) => place.text('a'))).toEqual(Array(3).fill('bytes of a'));
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 0 });
});

test('a copy that rotted is repaired from one that only lost its record, when nothing else is left', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {} } });
  world.source.write('a', 'bytes of a');
  await world.reconcile();
  world.target('one').flip('a');
  loseRecord(world.target('two'), 'a');
  world.source.failWith('denied', 'read', 'head');
  await rounds(world);
  expect(world.targets.map((place) => place.text('a'))).toEqual(['bytes of a', 'bytes of a']);
  expect((await world.object('a')).copies).toMatchObject([{ state: 'verified' }, { state: 'verified' }]);
});

test('a copy that lost its record is written anew where the object can be had from elsewhere', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {} } });
  world.source.write('a', 'bytes of a');
  await world.reconcile();
  loseRecord(world.target('two'), 'a');
  await rounds(world);
  expect(world.target('two').bucket.objects.get('a')?.record).toMatchObject({ size: 10 });
});

test('the catalog and all records lost, the source encrypted: what the copies held is kept', async () => {
  await using world = await openWorld({ policy: { guard: { maxChanged: 1, minObjects: 1 } } });
  world.source.write('a', 'bytes of a');
  await world.reconcile();
  for (const place of world.targets) loseRecord(place, 'a');
  await world.loseCatalog();
  world.source.write('a', 'ENCRYPTED!');
  await rounds(world);
  const kept = await world.catalog.keptOf('p', 'a');
  expect(new Set(kept.map(({ target }) => target))).toEqual(new Set(['one', 'two', 'three']));
  for (const { target, place } of kept) {
    expect(place.by === 'holdfast' ? world.target(target).text(place.key) : undefined).toBe('bytes of a');
  }
});
