import { expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import { memoryCapabilities } from '../../../src/providers/memory/memory.ts';
import { resilient } from '../../../src/providers/resilient.ts';
import { abortOrphans } from '../../../src/replication/orphans.ts';
import { Site } from '../../../src/replication/site.ts';
import { silentLog, type Log } from '../../../src/telemetry/log.ts';
import { bytesOf } from '../../support/bytes.ts';
import { openWorld, type World } from '../../support/engine.ts';

const KiB = 1024;
const { limits } = memoryCapabilities;
const part = { min: 256 * KiB, max: 256 * KiB, multipleOf: 256 * KiB, maxCount: 1_000, order: 'any' } as const;
const targets = { one: { capabilities: { limits: { ...limits, maxPutSize: 256 * KiB, part } } } };
const calm = new AbortController().signal;
const size = 2048 * KiB;
const minutes = 60_000;
const days = 24 * 60 * minutes;

async function openWithUpload(): Promise<World> {
  const world = await openWorld({ targets });
  world.source.write('big', bytesOf(size));
  const one = world.target('one');
  one.before = ({ operation }) => {
    if (operation === 'part' && one.count('part') > 4) throw one.error('unavailable');
  };
  await world.reconcile();
  one.heal();
  world.forget();
  expect(one.bucket.uploads.size).toBe(1);
  return world;
}

async function round(world: World): Promise<[aborted: number, left: number]> {
  const aborted = await abortOrphans(world.engine, world.policy.targets, calm);
  return [aborted, world.target('one').bucket.uploads.size];
}

/** An upload as another program, or a crash, leaves it: nobody has a note of its checkpoint. */
function leaveStray(world: World, key: string | null, startedAt: number, parts = new Map<number, Buffer>()): string {
  return world.target('one').bucket.begin({ key, size: 1, partSize: 1, startedAt, parts });
}

/** One that was begun and never noted, as a crash in between leaves it. */
async function loseAnswer(world: World, wait = 11 * minutes): Promise<void> {
  const one = world.target('one');
  world.source.write('big', bytesOf(size));
  one.after = ({ operation }) => {
    if (operation === 'start-upload') throw one.error('unavailable');
  };
  one.before = ({ operation }) => {
    if (operation === 'list-uploads') throw one.error('unavailable');
  };
  // So that no retry is due before the pass ends: that would begin another one.
  await world.reconcile({ engine: { ...world.engine, random: () => 1 } });
  one.heal();
  world.clock.advance(wait);
}

test('an upload that will be gone on with stays, for a week', async () => {
  await using world = await openWithUpload();
  expect(await round(world)).toEqual([0, 1]);
  world.clock.advance(6 * days);
  expect(await round(world)).toEqual([0, 1]);
  world.clock.advance(2 * days);
  expect(await round(world)).toEqual([1, 0]);
  expect(await round(world)).toEqual([0, 0]);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 1 });
});

test('an upload of an object under a live lease stays, whatever became of the object', async () => {
  await using world = await openWithUpload();
  world.clock.advance(8 * days);
  const claims = await world.catalog.claim({
    ...{ owner: 'somebody', policies: ['p'], targets: ['one'], limit: 1, leaseMs: 60_000 },
  });
  expect(claims).toHaveLength(1);
  expect(await round(world)).toEqual([0, 1]);
  world.clock.advance(61_000);
  expect(await round(world)).toEqual([1, 0]);
});

test('what a copy made otherwise needs no more is thrown away', async () => {
  await using world = await openWithUpload();
  const { bytes } = world.source.bucket.objects.get('big') ?? { bytes: Buffer.of() };
  world.target('one').write('big', bytes);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0 });
  expect(world.target('one').bucket.uploads.size).toBe(0);
});

test('an upload of an object that is gone and forgotten is thrown away', async () => {
  await using world = await openWithUpload();
  world.source.bucket.objects.delete('big');
  world.policy = { ...world.policy, guard: { maxChanged: 1, minObjects: 100 } };
  await world.reconcile();
  expect(await world.reconcile()).toMatchObject({ objects: 0 });
  expect(world.target('one').bucket.uploads.size).toBe(0);
});

test('while a target is down its orphans wait; a claim that ran out is taken over', async () => {
  await using world = await openWithUpload();
  const one = world.target('one');
  one.failWith('unavailable', 'abort');
  world.clock.advance(8 * days);
  expect(await round(world)).toEqual([0, 1]);
  one.heal();
  expect(await round(world), 'claimed a moment ago').toEqual([0, 1]);
  world.clock.advance(11 * minutes);
  expect(await round(world)).toEqual([1, 0]);
});

test('what was begun and never noted is found at its key, and nobody else\u2019s is touched', async () => {
  await using world = await openWorld({ targets });
  world.source.write('big', bytesOf(size));
  const one = world.target('one');
  leaveStray(world, 'big', world.clock.now() - minutes);
  leaveStray(world, 'bigger', world.clock.now());
  one.after = ({ operation }) => {
    if (operation === 'start-upload') throw one.error('unavailable');
  };
  await world.reconcile();
  expect(one.bucket.uploads.size, 'the one that was begun was thrown away at the end').toBe(2);
  leaveStray(world, 'big', world.clock.now() + 30 * minutes);
  one.heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 1 });
  expect([...one.bucket.uploads.values()].map(({ key }) => key)).toEqual(['big', 'bigger', 'big']);
});

/** Requests that begin an upload are repeated below the replication, as the program has it. */
function repeatRequests(world: World): void {
  const options = { clock: systemClock, random: () => 0 };
  const targets = world.policy.targets.map(({ provider }) => new Site(resilient(provider, options), world.clock));
  world.policy = { ...world.policy, targets };
}

/** The answers to the first requests that begin an upload are lost, and the uploads are begun. */
function loseAnswers(world: World, answers: number): void {
  const one = world.target('one');
  one.after = ({ operation }) => {
    if (operation === 'start-upload' && one.count('start-upload') <= answers) throw one.error('unavailable');
  };
}

test('what a request began whose answer was lost, and that was repeated at once, is found and thrown away', async () => {
  await using world = await openWorld({ targets });
  repeatRequests(world);
  world.source.write('big', bytesOf(size));
  const one = world.target('one');
  loseAnswers(world, 1);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 1 });
  expect(one.count('start-upload')).toBe(2);
  expect(one.bucket.uploads.size).toBe(0);
});

test('a copy that is under way keeps its upload while what the lost request began is thrown away', async () => {
  await using world = await openWorld({ targets });
  repeatRequests(world);
  world.source.write('big', bytesOf(size));
  const one = world.target('one');
  loseAnswers(world, 1);
  let failing = true;
  one.before = ({ operation }) => {
    if (failing && operation === 'part' && one.count('part') > 4) throw one.error('denied');
    if (failing && operation === 'list-uploads') throw one.error('unavailable');
  };
  await world.reconcile();
  expect(one.bucket.uploads.size).toBe(2);
  failing = false;
  world.clock.advance(11 * minutes);
  expect(await round(world)).toEqual([1, 1]);
  const [left] = one.bucket.uploads.values();
  expect(left?.parts.size).toBeGreaterThan(0);
  expect(await round(world)).toEqual([0, 1]);
});

test('requests that are repeated and never answered leave one note', async () => {
  await using world = await openWorld({ targets });
  repeatRequests(world);
  world.source.write('big', bytesOf(size));
  const one = world.target('one');
  one.before = ({ operation }) => {
    if (operation === 'start-upload' || operation === 'list-uploads') throw one.error('unavailable');
  };
  await world.reconcile();
  expect(one.count('start-upload')).toBe(5);
  world.clock.advance(11 * minutes);
  const request = { targets: ['one'], limit: 10, leaseMs: minutes, idleSince: 0 };
  expect(await world.catalog.claimOrphans(request)).toMatchObject([{ key: 'big', checkpoint: null }]);
});

test('what holds a part is another program\u2019s: of the one that was never noted nobody sent any', async () => {
  await using world = await openWorld({ targets });
  await loseAnswer(world);
  const now = world.clock.now();
  const other = leaveStray(world, 'big', now - 10 * minutes, new Map([[1, Buffer.of(1)]]));
  expect(await round(world)).toEqual([1, 1]);
  expect([...world.target('one').bucket.uploads.keys()]).toEqual([other]);
});

test('where nobody can tell which one it is, all are left, and it is said what to do', async () => {
  const warn = vi.fn<Log['warn']>();
  await using world = await openWorld({ targets, log: { ...silentLog, warn } });
  await loseAnswer(world);
  warn.mockClear();
  leaveStray(world, 'big', world.clock.now() - 10 * minutes);
  expect(await round(world)).toEqual([0, 2]);
  expect(warn.mock.calls).toEqual([
    [
      expect.objectContaining({ target: 'one', key: 'big', begun: [expect.any(String), expect.any(String)] }),
      expect.stringMatching(
        /2 look like it where 1 may have been begun here, so that all are left.*Abort there what nobody goes on with/,
      ),
    ],
  ]);
  world.clock.advance(11 * minutes);
  expect(await round(world)).toEqual([0, 2]);
  expect(warn).toHaveBeenCalledTimes(1);
});

test('of several that crashes left at one key, all are ours when as many were intended here', async () => {
  await using world = await openWorld({ targets });
  const one = world.target('one');
  await loseAnswer(world, 2 * minutes);
  await loseAnswer(world);
  expect(one.bucket.uploads.size).toBe(2);
  const other = leaveStray(world, 'big', world.clock.now() + days);
  expect(await round(world)).toEqual([2, 1]);
  expect([...one.bucket.uploads.keys()]).toEqual([other]);
});

test.each([
  ['noted', true],
  ['not noted yet', false],
])('an upload that begins while the target is asked, %s, is nobody\u2019s orphan', async (_, isNoted) => {
  await using world = await openWorld({ targets });
  world.source.write('big', bytesOf(size));
  const one = world.target('one');
  const intendedAt = world.clock.now();
  one.before = ({ operation }) => {
    if (operation === 'start-upload' || operation === 'list-uploads') throw one.error('unavailable');
  };
  await world.reconcile();
  one.heal();
  world.clock.advance(11 * minutes);
  const begin = async (): Promise<void> => {
    const [claim] = await world.catalog.claim({
      ...{ owner: 'somebody', policies: ['p'], targets: ['one'], limit: 1, leaseMs: 60_000 },
    });
    if (claim === undefined) throw new Error('Nothing is due.');
    const upload = { target: 'one', key: 'big', version: claim.object.version, size, partSize: part.max, terms: '' };
    const id = await world.catalog.intendUpload(claim, upload);
    const startedAt = intendedAt + 5 * minutes;
    const checkpoint = one.bucket.begin({ key: 'big', size, partSize: part.max, startedAt, parts: new Map() });
    if (isNoted && id !== null) await world.catalog.noteUploads(claim, [{ id, checkpoint }]);
  };
  let beginning: Promise<void> | undefined;
  one.before = async ({ operation, key }) => {
    if (operation === 'list-uploads' && key === 'big') await (beginning ??= begin());
  };
  expect(await round(world)).toEqual([0, 1]);
  expect(beginning).toBeDefined();
});

test('files without a key go after a day, but for those that an upload of ours names', async () => {
  await using world = await openWithUpload();
  const one = world.target('one');
  const [ours] = one.bucket.uploads;
  if (ours !== undefined) one.bucket.uploads.set(ours[0], { ...ours[1], key: null });
  leaveStray(world, null, world.clock.now());
  world.clock.advance(days / 2);
  expect(await round(world)).toEqual([0, 2]);
  world.clock.advance(days / 2 + minutes);
  expect(await round(world)).toEqual([1, 1]);
});

test('a target that does not list its uploads is not asked for ever', async () => {
  await using world = await openWorld({ targets });
  world.source.write('big', bytesOf(size));
  const one = world.target('one');
  one.before = ({ operation }) => {
    if (operation === 'start-upload') throw one.error('unavailable');
    if (operation === 'list-uploads') throw one.error('denied');
  };
  await world.reconcile();
  const asked = one.count('list-uploads');
  await round(world);
  expect(one.count('list-uploads') - asked, 'temporary files only').toBe(1);
});
