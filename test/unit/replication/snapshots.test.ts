import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { Snapshots, type SnapshotSettings } from '../../../src/replication/snapshots.ts';
import { restoreSnapshot } from '../../../src/restore-snapshot.ts';
import { openStaging } from '../../../src/staging.ts';
import { catalogPrefix, parseSnapshotKey, snapshotPrefix } from '../../../src/replication/snapshot-name.ts';
import { snapshotStatusOf, snapshotTroubles } from '../../../src/replication/status-snapshots.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import type { Place } from '../../support/place.ts';

const calm = new AbortController().signal;
const hour = 3_600_000;

/** A world with a few copies, and what keeps snapshots of its catalog. */
class Room implements AsyncDisposable {
  readonly world: World;
  readonly directory: string;
  readonly snapshots: Snapshots;

  constructor(world: World, directory: string, settings: Partial<SnapshotSettings>) {
    this.world = world;
    this.directory = directory;
    const all = { every: hour, changes: 1000, keep: 2, ...settings };
    this.snapshots = new Snapshots(
      world.engine,
      [world.policy],
      all,
      async (signal) => await openStaging(join(directory, 'catalog.db'), world.engine, signal),
    );
  }

  async take(): Promise<void> {
    this.world.clock.advance(hour);
    await this.snapshots.takeIfDue(calm);
  }

  async restore(): Promise<ReturnType<typeof restoreSnapshot>> {
    const { policy, clock, targets } = this.world;
    const places = {
      policies: [policy],
      sites: targets.map(({ site }) => site),
      [Symbol.asyncDispose]: async () => {},
    };
    const path = join(this.directory, 'restored.db');
    await rm(path, { force: true });
    return await restoreSnapshot(places, path, { clock, log: silentLog }, calm);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true });
  }
}

async function openRoom(settings: Partial<SnapshotSettings> = {}, options: WorldOptions = {}): Promise<Room> {
  const world = await openWorld({ targets: { one: {}, two: {} }, ...options });
  for (const key of ['a', 'b']) world.source.write(key, `bytes of ${key}`);
  await world.reconcile();
  return new Room(world, await mkdtemp(join(tmpdir(), 'holdfast-snapshots-')), settings);
}

/** The times of the snapshots of which something is at a place, oldest first. */
function times(place: Place): number[] {
  const found = place.keys().flatMap((key) => parseSnapshotKey(key)?.takenAt ?? []);
  return [...new Set(found)].toSorted((a, b) => a - b);
}

/** When the newest one at a place was taken. */
function newest(place: Place): number | undefined {
  return times(place).at(-1);
}

function fileAt(place: Place, name: string): Buffer | undefined {
  const key = place.keys().findLast((candidate) => candidate.startsWith(catalogPrefix) && candidate.endsWith(name));
  return key === undefined ? undefined : place.bucket.objects.get(key)?.bytes;
}

test('one is taken when its time has come or much was recorded, and the newest few stay', async () => {
  await using room = await openRoom({ changes: 5 });
  const { world, snapshots } = room;
  await snapshots.takeIfDue(calm);
  const first = times(world.target('one'));
  expect(first.length).toBe(1);
  await snapshots.takeIfDue(calm);
  expect(times(world.target('one'))).toEqual(first);
  for (let index = 0; index < 5; index += 1) world.source.write(`more ${index}`, 'x');
  world.clock.advance(1000);
  await world.reconcile();
  await snapshots.takeIfDue(calm);
  expect(times(world.target('one')).length).toBe(2);
  await room.take();
  const left = times(world.target('one'));
  expect(left.length).toBe(2);
  expect(left).not.toContain(first[0]);
  expect(times(world.target('two'))).toEqual(left);
  expect((await readdir(room.directory)).filter((name) => name.includes('staging'))).toEqual([]);
});

test('what is stored is the catalog: verified, compressed, with its sums', async () => {
  await using room = await openRoom();
  await room.take();
  const { world } = room;
  expect(
    gunzipSync(fileAt(world.target('two'), 'catalog.db.gz') ?? '')
      .subarray(0, 15)
      .toString(),
  ).toBe('SQLite format 3');
  const lines = fileAt(world.target('one'), 'p.tsv')?.toString().trimEnd().split('\n') ?? [];
  expect(lines.map((line) => line.split('\t')[0])).toEqual(['a', 'b']);
  expect(await world.catalog.readSnapshots()).toMatchObject([
    { target: 'one', stored: { takenAt: newest(world.target('one')) }, error: null },
    { target: 'two', stored: { takenAt: newest(world.target('two')) }, error: null },
  ]);
  expect(await room.restore()).toMatchObject({ takenAt: newest(world.target('one')) });
});

test('none is taken of a catalog that knows nothing, nor where none is wanted', async () => {
  await using room = await openRoom({ keep: 0 });
  await room.take();
  expect(times(room.world.target('one'))).toEqual([]);
  await room.world.loseCatalog();
  await using empty = new Room(room.world, await mkdtemp(join(tmpdir(), 'holdfast-snapshots-')), {});
  await empty.take();
  expect(times(room.world.target('one'))).toEqual([]);
});

test('what was taken under a clock that was ahead does not push out what is taken after', async () => {
  await using room = await openRoom();
  const { clock } = room.world;
  const one = room.world.target('one');
  clock.set(100 * 24 * hour);
  for (const _ of [1, 2]) await room.take();
  const ahead = times(one);
  clock.set(-100 * 24 * hour);
  await room.take();
  expect(times(one)).toEqual([expect.toSatisfy((at: number) => at <= clock.now()), ahead[1]]);
  await room.take();
  expect(times(one).filter((at) => at <= clock.now()).length).toBe(2);
  expect(times(one).length).toBe(2);
});

test('that older ones could not be deleted is said beside the newest, and forgotten once they can', async () => {
  await using room = await openRoom({ keep: 1 });
  const { catalog, clock } = room.world;
  const one = room.world.target('one');
  await room.take();
  one.failWith('denied', 'delete');
  await room.take();
  const statuses = async () => snapshotStatusOf(await catalog.readSnapshots(), ['one'], clock.now());
  expect(await statuses()).toMatchObject([
    { ageSeconds: 0, error: expect.stringMatching(/^it is stored, but older ones could not be deleted/) as string },
  ]);
  one.heal();
  await room.take();
  expect(await statuses()).toMatchObject([{ ageSeconds: 0, error: null }]);
});

test('where it cannot be stored nothing old is deleted, and the status says so; the others get theirs', async () => {
  await using room = await openRoom({ keep: 1 });
  const { world } = room;
  await room.take();
  const [first] = times(world.target('two'));
  world.target('two').failWith('denied', 'put');
  for (const _ of [1, 2]) await room.take();
  expect(times(world.target('two'))).toEqual([first]);
  expect(times(world.target('one'))).toEqual([expect.toSatisfy((at: number) => at > (first ?? 0) + hour)]);
  const states = await world.catalog.readSnapshots();
  expect(states[1]).toMatchObject({ target: 'two', stored: { takenAt: first }, error: { message: 'two says denied' } });
  world.clock.advance(2 * hour);
  const statuses = snapshotStatusOf(states, ['one', 'two'], world.clock.now());
  const troubles = snapshotTroubles(statuses, { every: hour, changes: 1, keep: 1 });
  expect(troubles).toEqual([
    'the newest snapshot of the catalog at two is 240 minutes old: the latest could not be stored; see "holdfast status"',
  ]);
});

test('a target that was away then gets one when it answers again, and the others keep theirs and their hours', async () => {
  await using room = await openRoom();
  const { world, snapshots } = room;
  const [one, two] = world.targets as [Place, Place];
  two.failWith('unavailable');
  await room.take();
  const [first] = times(one);
  const after = async (minutes: number): Promise<void> => {
    world.clock.advance(minutes * 60_000);
    await snapshots.takeIfDue(calm);
  };
  await after(6);
  expect([times(one), times(two)]).toEqual([[first], []]);
  two.heal();
  await two.site.connect('target', calm);
  await after(1);
  await after(6);
  expect([times(one), times(two)]).toEqual([[first], [expect.toSatisfy((at: number) => at > (first ?? 0))]]);
  await after(10);
  expect(times(two).length).toBe(1);
  await after(60 - 23);
  expect([times(one).length, times(two).length]).toEqual([2, 2]);
});

test('a write that did not arrive as it was sent is no snapshot', async () => {
  const capabilities = { attests: {}, wants: { put: [], part: [], upload: [] } };
  await using room = await openRoom({}, { targets: { one: { capabilities }, two: {} } });
  const { world } = room;
  world.target('one').after = ({ operation, key = '' }) => {
    if (operation === 'put' && key.endsWith('.gz')) world.target('one').flip(key);
  };
  await room.take();
  expect((await world.catalog.readSnapshots())[0]).toMatchObject({ target: 'one', stored: null });
  expect(fileAt(world.target('one'), 'SHA256SUMS')).toBeUndefined();
  expect(await room.restore()).toMatchObject({ provider: 'two' });
});

test('those of another catalog are neither deleted nor, where the policies are others, used', async () => {
  await using room = await openRoom({ keep: 1 });
  const { world } = room;
  const strange = snapshotPrefix({ catalog: 'ab12', takenAt: world.clock.now() - 1 });
  for (const file of ['catalog.db.gz', 'SHA256SUMS']) world.target('one').write(strange + file, 'x');
  for (const _ of [1, 2, 3]) await room.take();
  expect(world.target('one').text(`${strange}SHA256SUMS`)).toBe('x');
  expect(times(world.target('one')).length).toBe(2);
  const used = await room.restore();
  expect(used).toMatchObject({ takenAt: newest(world.target('two')) });
  world.policy = { ...world.policy, sourceIdentity: 'another source' };
  expect(await room.restore()).toBeUndefined();
  for (const file of ['catalog.db.gz', 'SHA256SUMS']) world.target('one').bucket.objects.delete(strange + file);
  // The only catalog there is: its source was moved.
  expect(await room.restore()).toMatchObject({ takenAt: newest(world.target('two')) });
  world.policy = { ...world.policy, name: 'another' };
  expect(await room.restore()).toBeUndefined();
});

test('a damaged one is passed over for an older one', async () => {
  await using room = await openRoom();
  const { world } = room;
  await room.take();
  const older = newest(world.target('one'));
  await room.take();
  for (const place of world.targets) {
    const key = place.keys().findLast((candidate) => candidate.endsWith('.gz')) ?? '';
    place.flip(key);
  }
  expect(await room.restore()).toMatchObject({ takenAt: older });
});

test('a copy of the catalog has nothing of what goes on with uploads, nor of those that are over', async () => {
  await using world = await openWorld();
  world.source.write('a', 'bytes');
  await world.reconcile();
  using db = new DatabaseSync(join(world.directory, 'catalog.db'));
  const insert = `insert into uploads (policy_id, target_id, object_id, key, version, size, part_size, terms, checkpoint, started_at,
    noted_at) values (1, 1, 1, x'61', 'v', 1, 1, '', ?, 1, 1)`;
  for (let index = 0; index < 200; index += 1) db.prepare(insert).run(`${'session-'.repeat(60)}${index}`);
  db.exec('delete from uploads where id % 3 > 0');
  const path = join(world.directory, 'snapshot.db');
  await world.catalog.copyTo(path);
  expect((await readFile(join(world.directory, 'catalog.db-wal'))).includes('session-')).toBe(true);
  expect((await readFile(path)).includes('session-')).toBe(false);
  expect((await readdir(world.directory)).filter((name) => name.startsWith('snapshot.db'))).toEqual(['snapshot.db']);
  await world.backTo(path);
  expect(await world.copy('a')).toMatchObject({ state: 'verified' });
});

test('one that a single target has comes after those that two hold alike, whatever its time says', async () => {
  await using room = await openRoom();
  const { world } = room;
  await room.take();
  const agreed = newest(world.target('one'));
  world.target('two').failWith('unavailable');
  // As by a clock that is ahead.
  world.clock.advance(1000 * hour);
  await room.take();
  world.target('two').heal();
  expect(newest(world.target('one'))).toBeGreaterThan((agreed ?? Infinity) + 1000 * hour);
  expect(await room.restore()).toMatchObject({ takenAt: agreed, heldBy: ['one', 'two'] });
  for (const key of world.target('two').keys()) world.target('two').bucket.objects.delete(key);
  expect(await room.restore()).toMatchObject({ takenAt: newest(world.target('one')), heldBy: ['one'] });
});
