import { expect, test } from 'vitest';
import type { CopyRecord } from '../../../src/objects/object.ts';
import { memoryCapabilities } from '../../../src/providers/memory/memory.ts';
import { bytesOf } from '../../support/bytes.ts';
import { openWorld, type World } from '../../support/engine.ts';
import { claimedBy, type Place } from '../../support/place.ts';
import { backRoom, restoreTo } from '../../support/restoring.ts';

const KiB = 1024;

/** Objects above this travel in parts. */
const small = 64 * KiB;
const inParts = { ...memoryCapabilities, limits: { ...memoryCapabilities.limits, maxPutSize: small } };

/** `a` is at `one`, `two` and `three`. */
async function openWith(bytes: Buffer): Promise<World> {
  const world = await openWorld({ targets: { one: {}, two: {}, three: {} }, memory: 16 * 1024 * KiB });
  world.source.write('a', bytes);
  await world.reconcile();
  world.forget();
  return world;
}

/** Reading it stops for good after so many bytes. */
function breaksAfter(place: Place, bytes: number): void {
  place.body = async function* (chunks) {
    let left = bytes;
    for await (const chunk of chunks) {
      yield chunk.subarray(0, left);
      left -= chunk.length;
      if (left <= 0) throw place.error('denied');
    }
  };
}

test.each([
  ['a small object', 50 * KiB],
  ['an object in parts', 700 * KiB],
])('%s whose place fails in the middle is read on from the next, each byte once', async (_, size) => {
  const bytes = bytesOf(size);
  await using world = await openWith(bytes);
  breaksAfter(world.target('one'), size / 2);
  breaksAfter(world.target('two'), size / 4);
  const back = backRoom(world, { capabilities: inParts });
  const { complete, report } = await restoreTo(world, back);
  expect([complete, report.from]).toEqual([true, { three: 1 }]);
  expect(back.bucket.objects.get('a')?.bytes.equals(bytes)).toBe(true);
  const read = ['one', 'two', 'three'].map((name) => world.target(name).bytesRead);
  expect([read[0], read[2]]).toEqual([size / 2, size / 4]);
});

test('a repair reads on from the next copy too', async () => {
  const size = 700 * KiB;
  const bytes = bytesOf(size);
  await using world = await openWith(bytes);
  world.source.failWith('denied', 'read');
  world.target('three').bucket.objects.delete('a');
  breaksAfter(world.target('one'), size / 2);
  await world.reconcile();
  expect(world.target('three').bucket.objects.get('a')?.bytes.equals(bytes)).toBe(true);
  expect(await world.copy('a', 'three')).toMatchObject({ state: 'verified' });
  expect([world.target('one').bytesRead, world.target('two').bytesRead]).toEqual([size / 2, size / 2]);
});

test('a place that is down is asked last', async () => {
  await using world = await openWith(bytesOf(KiB));
  world.target('one').health = { state: 'down', lastError: null };
  expect((await restoreTo(world, backRoom(world))).report.from).toEqual({ two: 1 });
  expect(world.target('one').bytesRead).toBe(0);
});

test('half of a damaged copy and half of a good one: each place is read by itself', async () => {
  const size = 700 * KiB;
  const bytes = bytesOf(size);
  await using world = await openWith(bytes);
  world.target('one').flip('a');
  breaksAfter(world.target('one'), size / 2);
  const back = backRoom(world, { capabilities: inParts });
  const { complete, report } = await restoreTo(world, back);
  expect([complete, report.from]).toEqual([true, { two: 1 }]);
  expect(back.bucket.objects.get('a')?.bytes.equals(bytes)).toBe(true);
});

test('while it is not known to be right nothing of it is visible', async () => {
  await using world = await openWith(bytesOf(700 * KiB));
  for (const target of world.targets) target.flip('a');
  const back = backRoom(world, { capabilities: inParts });
  expect(await restoreTo(world, back, { withoutCatalog: true })).toMatchObject({ complete: false });
  expect(back.keys()).toEqual([]);
});

/** Two versions of `a`: `one` has the newer one. */
async function openTwoVersions(): Promise<World> {
  const world = await openWorld({ targets: { one: {}, two: {} } });
  await copy(world.target('two'), 'older', 'v1', 1_000);
  await copy(world.target('one'), 'newer', 'v2', 2_000);
  return world;
}

async function copy(place: Place, text: string, version: string, sourceModifiedAt: number, key = 'a'): Promise<void> {
  place.write(key, text);
  await claimedBy(place, key, version);
  claim(place, key, { sourceModifiedAt });
}

function claim(place: Place, key: string, forged: Partial<CopyRecord>): void {
  const object = place.bucket.objects.get(key);
  if (object === undefined) throw new Error(`${place.name} holds no ${key}`);
  place.bucket.write(key, { ...object, record: { ...object.record, ...forged } });
}

function recordOf(place: Place, key: string): CopyRecord {
  const object = place.bucket.objects.get(key);
  if (object === undefined) throw new Error(`${place.name} holds no ${key}`);
  return object.record;
}

test('without a catalog the newest version counts', async () => {
  await using world = await openTwoVersions();
  const back = backRoom(world);
  expect(await restoreTo(world, back)).toMatchObject({ complete: true, report: { older: 0 } });
  expect(back.text('a')).toBe('newer');
});

test('the next older one, if the newest cannot be read right; and that is no success', async () => {
  await using world = await openTwoVersions();
  world.target('one').flip('a');
  const back = backRoom(world);
  const { complete, report, problems } = await restoreTo(world, back);
  expect([complete, report]).toMatchObject([false, { restored: 1, older: 1, failed: 0, from: { two: 1 } }]);
  expect(problems).toMatchObject([{ key: 'a', code: 'older' }]);
  expect(back.text('a')).toBe('older');
});

test('what stands at the destination is not replaced by an older version', async () => {
  await using world = await openTwoVersions();
  const back = backRoom(world);
  await restoreTo(world, back);
  world.target('one').flip('a');
  expect(await restoreTo(world, back)).toMatchObject({ complete: true, report: { inPlace: 1 } });
  expect(back.text('a')).toBe('newer');
});

test('an older version replaces nothing, whatever may be overwritten', async () => {
  await using world = await openTwoVersions();
  world.target('one').flip('a');
  const back = backRoom(world);
  back.write('a', 'mine');
  const { complete, report } = await restoreTo(world, back, { overwrite: true });
  expect([complete, report, back.text('a')]).toMatchObject([false, { failed: 1, older: 0 }, 'mine']);
});

test('a copy that is written anew between its listing and its reading', async () => {
  const bytes = bytesOf(KiB);
  await using world = await openWith(bytes);
  const one = world.target('one');
  const object = one.bucket.objects.get('a');
  if (object === undefined) throw new Error('it was copied a moment ago');
  one.before = ({ operation }) => {
    if (operation === 'read') one.bucket.write('a', object);
    one.before = () => undefined;
  };
  const back = backRoom(world);
  const { complete } = await restoreTo(world, back, { from: ['one'] });
  expect([complete, back.bucket.objects.get('a')?.bytes.equals(bytes)]).toEqual([true, true]);
});

test('an older copy is older than what the catalog says', async () => {
  await using world = await openWorld({
    targets: { one: {}, two: {} },
    policy: { guard: { maxChanged: 1, minObjects: 1 } },
  });
  world.source.bucket.write('a', { ...world.source.write('a', 'first'), modifiedAt: 1_000 });
  await world.reconcile();
  world.target('two').failWith('unavailable', 'put');
  world.source.bucket.write('a', { ...world.source.write('a', 'second'), modifiedAt: 2_000 });
  await world.reconcile();
  world.target('two').heal();
  world.target('one').flip('a');
  const back = backRoom(world);
  const { complete, report } = await restoreTo(world, back);
  expect([complete, report]).toMatchObject([false, { older: 1 }]);
  expect(back.text('a')).toBe('first');
});

test.each([
  [['same', 'same', 'other'], 'same'],
  [['same', 'other', 'another'], undefined],
  [['same', 'same', 'more of', 'more of'], undefined],
  [['alone'], undefined],
])('copies without a record: %j', async (copies, expected) => {
  const names = copies.map((_, n) => `t${n}`);
  await using world = await openWorld({ targets: Object.fromEntries(names.map((name) => [name, {}])) });
  for (const [n, text] of copies.entries()) world.target(`t${n}`).write('a', text);
  const back = backRoom(world);
  const { complete, problems } = await restoreTo(world, back);
  expect([complete, back.text('a')]).toEqual([expected !== undefined, expected]);
  if (expected === undefined) expect(problems).toMatchObject([{ key: 'a', code: 'invalid' }]);
});

test('a copy that lost its record still serves, where another one says what it must be', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {} } });
  world.target('one').write('a', 'right');
  await copy(world.target('two'), 'right', 'v1', 1);
  world.target('two').flip('a');
  const back = backRoom(world);
  expect(await restoreTo(world, back)).toMatchObject({ complete: true, report: { from: { one: 1 } } });
  expect(back.text('a')).toBe('right');
});

test('why an older version replaces nothing is the newest one, and no advice that was followed already', async () => {
  await using world = await openTwoVersions();
  world.target('one').flip('a');
  const back = backRoom(world);
  back.write('a', 'mine');
  const { problems } = await restoreTo(world, back, { overwrite: true });
  expect(problems).toMatchObject([{ key: 'a', code: 'checksum-mismatch', provider: 'one' }]);
  expect(problems[0]?.message).not.toContain('--overwrite replaces it');
});

test('a copy whose record tells another size is another version, and ends no restore', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {} } });
  await copy(world.target('one'), 'right', 'v1', 1_000);
  await copy(world.target('one'), 'of b', 'v1', 1_000, 'b');
  await copy(world.target('two'), 'longer than that', 'v1', 1_000);
  claim(world.target('two'), 'a', { sha256: recordOf(world.target('one'), 'a').sha256 });
  world.target('one').before = ({ operation, key }) => {
    if (operation === 'read' && key === 'a') throw world.target('one').error('denied');
  };
  const { report, complete } = await restoreTo(world, backRoom(world));
  expect([report, complete]).toMatchObject([{ restored: 1, failed: 1 }, false]);
});

test('a record of an impossible time ends no restore', async () => {
  await using world = await openWith(bytesOf(KiB));
  await copy(world.target('one'), 'forged', 'v999', 9e15);
  expect(await restoreTo(world, backRoom(world))).toMatchObject({ report: { restored: 1, older: 1 } });
});

test('an older version that is there is told as such, whatever its time', async () => {
  await using world = await openTwoVersions();
  claim(world.target('two'), 'a', { sourceModifiedAt: -9e15 });
  world.target('one').flip('a');
  expect(await restoreTo(world, backRoom(world))).toMatchObject({ report: { restored: 1, older: 1, failed: 0 } });
});
