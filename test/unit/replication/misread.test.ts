import { expect, test } from 'vitest';
import { verify } from '../../../src/replication/verify.ts';
import { openWorld, type World } from '../../support/engine.ts';
import { claimedBy, type Place } from '../../support/place.ts';

const hours = 3_600_000;

/** The first `times` reads of this key come out with a bit of their first byte changed. */
function misread(place: Place, key: string, times: number): void {
  let left = times;
  place.body = async function* body(chunks, of) {
    let wrong = of === key && left-- > 0;
    for await (const chunk of chunks) {
      const bytes = Buffer.from(chunk);
      if (wrong) bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
      wrong = false;
      yield bytes;
    }
  };
}

async function fourRounds(world: World, deep = false): Promise<void> {
  for (const _ of [1, 2, 3, 4]) {
    await world.reconcile({ deep });
    world.clock.advance(25 * hours);
  }
}

async function verifyDeep(world: World): Promise<void> {
  const options = { read: 1, onProgress: () => undefined, onProblem: () => undefined };
  await verify(world.engine, world.policy, options, new AbortController().signal);
}

/** One object whose only copy is at `one`, and which the source does not have any more. */
async function lastCopy(): Promise<World> {
  const guard = { maxChanged: 1, minObjects: 100 };
  const world = await openWorld({ targets: { one: {} }, policy: { minCopies: 1, guard } });
  world.source.write('a', 'bytes of a');
  world.source.write('z', 'so that the source is not empty');
  await world.reconcile();
  world.source.bucket.objects.delete('a');
  await world.reconcile();
  expect(await world.object('a')).toMatchObject({ state: 'gone' });
  return world;
}

test.each([
  ['all copies', ['one', 'two', 'three']],
  ['two of three copies', ['two', 'three']],
])('one misread of the source while %s are adopted condemns neither the object nor a copy', async (_, holding) => {
  await using world = await openWorld();
  world.source.write('a', 'the same');
  for (const name of holding) world.target(name).write('a', 'the same');
  misread(world.source, 'a', 1);
  await fourRounds(world, true);
  expect(world.targets.map((place) => place.text('a'))).toEqual(Array(3).fill('the same'));
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 0, sourceDamaged: 0, safe: 1 });
});

test('bytes that are not what the source itself states are never taken for the object', async () => {
  await using world = await openWorld({ targets: { one: {} }, policy: { minCopies: 1 } });
  world.source.write('a', 'the same');
  await claimedBy(world.source, 'a', 'x');
  world.target('one').write('a', 'the same');
  misread(world.source, 'a', 2);
  await world.reconcile();
  expect(await world.object('a')).toMatchObject({ sha256: null });
  await fourRounds(world);
  expect(await world.catalog.counts('p')).toMatchObject({ safe: 1, sourceDamaged: 0, lost: 0 });
});

test('the last copy, misread twice by an audit, is verified again once it reads right', async () => {
  await using world = await lastCopy();
  misread(world.target('one'), 'a', 2);
  await verifyDeep(world);
  expect(await world.copy('a')).toMatchObject({ state: 'damaged' });
  await fourRounds(world);
  expect(world.target('one').text('a')).toBe('bytes of a');
  expect(await world.copy('a')).toMatchObject({ state: 'verified', evidence: { method: 'read' } });
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 0 });
});

test('one misread of the last copy by a deep pass is no damage', async () => {
  await using world = await lastCopy();
  misread(world.target('one'), 'a', 1);
  await world.reconcile({ deep: true });
  expect(await world.copy('a')).toMatchObject({ state: 'verified', evidence: { method: 'read' } });
  expect(await world.events('a')).not.toContain('damaged');
});

test('one misread of a copy by a deep pass has nothing written anew', async () => {
  await using world = await openWorld();
  world.source.write('a', 'bytes of a');
  await world.reconcile();
  world.forget();
  misread(world.target('two'), 'a', 1);
  expect(await world.reconcile({ deep: true })).toMatchObject({ outcome: 'complete', repaired: 0 });
  expect([world.count('put'), world.source.count('read')]).toEqual([0, 0]);
});

test('a last copy that rotted for good is lost, left as it is, and stays so', async () => {
  await using world = await lastCopy();
  world.target('one').flip('a');
  await verifyDeep(world);
  await fourRounds(world, true);
  expect(world.target('one').text('a')).toBe('cytes of a');
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 1 });
});
