import { expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import { memoryCapabilities, MemoryProvider, type MemoryOptions } from '../../../src/providers/memory/memory.ts';
import { runPass } from '../../../src/replication/pass.ts';
import { reconcile } from '../../../src/replication/reconcile.ts';
import { Worker, type Engine } from '../../../src/replication/worker.ts';
import { bytesOf } from '../../support/bytes.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import type { Place } from '../../support/place.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const { limits } = memoryCapabilities;
const calm = new AbortController().signal;

/** Takes parts of 256 KiB to `max`, and no put of more. */
function small(order: 'any' | 'sequential' = 'any', more: MemoryOptions['capabilities'] = {}, max = 256 * KiB) {
  const part = { min: 256 * KiB, max, multipleOf: 256 * KiB, maxCount: 1_000, order };
  return { capabilities: { ...more, limits: { ...limits, maxPutSize: 256 * KiB, part } } };
}

const each: WorldOptions = {
  targets: {
    any: small(),
    sequential: small('sequential'),
    parts: small('any', { attests: { upload: 'crc32c of every part' } }),
    none: small('any', { attests: {} }),
  },
};

const size = 10 * MiB + 11;
const bytes = bytesOf(size, 'resuming');

function sentTo(place: Place): number {
  return place.calls.filter(({ operation }) => operation === 'part').reduce((sum, call) => sum + call.bytes, 0);
}

/**
 * A process dies when one target has got half of the bytes: from then on nothing that it asks for is answered.
 * @returns the next process, a lease later.
 */
async function killedHalfWay(world: World, at = size / 2): Promise<Engine> {
  await killedWhen(world, (targets) => targets.some((place) => sentTo(place) >= at));
  return await next(world);
}

async function killedWhen(world: World, isTime: (targets: readonly Place[]) => boolean): Promise<void> {
  const died = Promise.withResolvers<void>();
  const targets = world.targets.map((place) => place.again());
  let dead = false;
  const die = async (): Promise<void> => {
    dead ||= isTime(targets);
    if (!dead) return;
    died.resolve();
    await new Promise(() => undefined);
  };
  for (const place of targets) {
    place.before = die;
    place.after = die;
  }
  const source = world.source.again().site;
  const policy = { ...world.policy, source, targets: targets.map(({ site }) => site) };
  const engine = await world.another('the dead');
  const options = { deep: false, dryRun: false, onProgress: () => undefined };
  void reconcile(engine, policy, options, calm).catch(() => undefined);
  await died.promise;
  // Or it would claim the work again.
  await engine.catalog[Symbol.asyncDispose]();
}

/** Another process, when the lease of the one before has run out. */
async function next(world: World): Promise<Engine> {
  for (const place of [world.source, ...world.targets]) {
    place.heal();
    await place.site.connect('target', calm);
  }
  world.forget();
  world.clock.advance(61_000);
  return await world.another('the next');
}

async function expectAllRight(world: World, expected = bytes): Promise<void> {
  for (const { bucket } of world.targets) {
    expect(bucket.objects.get('big')?.bytes.equals(expected)).toBe(true);
    expect(bucket.uploads.size).toBe(0);
  }
}

test('killed half-way, every target goes on where it was, from one read', async () => {
  await using world = await openWorld(each);
  world.source.write('big', bytes);
  const engine = await killedHalfWay(world);
  expect(await world.reconcile({ engine })).toMatchObject({ outcome: 'complete', copied: 4 });
  for (const place of world.targets) expect(sentTo(place) / size).toBeLessThan(0.7);
  expect(world.source.bytesRead).toBe(size);
  await expectAllRight(world);
  expect((await world.object('big')).copies.map(({ state }) => state)).toEqual(Array(4).fill('verified'));
});

test('killed again and again, no byte but the last few is sent twice', async () => {
  await using world = await openWorld(each);
  world.source.write('big', bytes);
  let sent = 0;
  for (let times = 0; times < 3; times += 1) {
    await killedHalfWay(world, 2 * MiB);
    sent += 2 * MiB;
  }
  expect(await world.reconcile({ engine: await next(world) })).toMatchObject({ outcome: 'complete' });
  for (const place of world.targets) expect(sentTo(place) + sent).toBeLessThan(1.6 * size);
  await expectAllRight(world);
});

test('an outage of one target costs nothing that it took before; the others are not kept waiting', async () => {
  await using world = await openWorld(each);
  world.source.write('big', bytes);
  const place = world.target('any');
  place.before = ({ operation }) => {
    if (operation === 'part' && sentTo(place) > size / 2) throw place.error('unavailable');
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', copied: 3, failed: 1 });
  place.heal();
  world.forget();
  world.clock.advance(600_000);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 1 });
  expect(sentTo(place)).toBeLessThan(0.7 * size);
  expect([place.count('start-upload'), place.count('resume-upload'), place.count('abort')]).toEqual([0, 1, 0]);
  await expectAllRight(world);
});

test('a source that breaks off, or a stop, leaves everything to the next attempt', async () => {
  await using world = await openWorld(each);
  world.source.write('big', bytes);
  const stop = new AbortController();
  world.target('any').before = ({ operation }) => {
    if (operation === 'part' && sentTo(world.target('any')) > size / 2) stop.abort(new Error('stop'));
  };
  await expect(world.reconcile({ signal: stop.signal })).rejects.toThrow('stop');
  expect([world.count('abort'), world.targets.map(({ bucket }) => bucket.uploads.size)]).toEqual([0, [1, 1, 1, 1]]);
  const engine = await next(world);
  world.source.body = async function* (chunks) {
    for await (const chunk of chunks) {
      if (world.source.bytesRead > 0.8 * size) throw world.source.error('denied');
      yield chunk;
    }
  };
  expect(await world.reconcile({ engine })).toMatchObject({ outcome: 'incomplete', failed: 4 });
  expect(await world.reconcile({ engine: await next(world) })).toMatchObject({ outcome: 'complete', copied: 4 });
  for (const place of world.targets) expect(sentTo(place)).toBeLessThan(0.35 * size);
  await expectAllRight(world);
});

test('what was begun for another version is thrown away, and the new one copied whole', async () => {
  await using world = await openWorld(each);
  world.source.write('big', bytes);
  await killedHalfWay(world);
  const changed = bytesOf(size, 'changed');
  world.source.write('big', changed);
  world.policy = { ...world.policy, guard: { maxChanged: 1, minObjects: 100 } };
  expect(await world.reconcile({ engine: await next(world) })).toMatchObject({ outcome: 'complete', copied: 4 });
  for (const place of world.targets) expect(sentTo(place)).toBe(size);
  await expectAllRight(world, changed);
});

test('other bytes under the same version: the upload is thrown away, and nothing mixed becomes visible', async () => {
  await using world = await openWorld(each);
  const stored = world.source.write('big', bytes);
  const engine = await killedHalfWay(world);
  stored.bytes.writeUInt8(stored.bytes.readUInt8(3) ^ 1, 3);
  await world.reconcile({ engine });
  await world.reconcile({ engine });
  await expectAllRight(world, stored.bytes);
});

test('a provider that lost parts gets those again, one that lost the upload gets all', async () => {
  await using world = await openWorld({ targets: { any: small(), parts: small('any', { attests: {} }) } });
  world.source.write('big', bytes);
  const engine = await killedHalfWay(world);
  world.target('parts').bucket.uploads.clear();
  for (const { parts } of world.target('any').bucket.uploads.values()) {
    parts.delete(2);
    parts.get(5)?.fill(0);
  }
  expect(await world.reconcile({ engine })).toMatchObject({ outcome: 'complete', copied: 2 });
  expect(sentTo(world.target('any'))).toBeLessThan(0.7 * size);
  expect(sentTo(world.target('parts'))).toBe(size);
  await expectAllRight(world);
});

test('killed when all was complete and nothing of it recorded: no byte is sent again', async () => {
  await using world = await openWorld(each);
  world.source.write('big', bytes);
  await killedWhen(world, () => world.targets.every(({ bucket }) => bucket.objects.has('big')));
  const engine = await next(world);
  // Nobody lists the targets: a daemon claims what is due.
  const worker = new Worker(engine, { policies: [world.policy], finished: () => true });
  await worker.run(calm, calm);
  expect([worker.tally.adopted, world.count('part', 'put', 'start-upload')]).toEqual([4, 0]);
  await expectAllRight(world);
});

test("what stands at the key meanwhile is somebody else's: it is found out before a byte is sent", async () => {
  await using world = await openWorld({ targets: { any: small() } });
  world.source.write('big', bytes);
  const engine = await killedHalfWay(world);
  const place = world.target('any');
  place.bucket.uploads.clear();
  place.write('big', 'of somebody else');
  const worker = new Worker(engine, { policies: [world.policy], finished: () => true });
  await worker.run(calm, calm);
  expect(sentTo(place)).toBe(size);
  await expectAllRight(world);
});

test('uploads in parts of different sizes: the one that suits all goes on, the other begins anew', async () => {
  await using world = await openWorld({ targets: { little: small(), large: small('any', {}, MiB) } });
  world.source.write('big', bytes);
  const { policy } = world;
  const only = (name: string) => ({ ...policy, targets: [world.target(name).site] });
  world.policy = only('little');
  await killedHalfWay(world, size / 4);
  world.policy = only('large');
  await killedHalfWay(world, size / 2);
  world.policy = policy;
  expect(await world.reconcile({ engine: await next(world) })).toMatchObject({ outcome: 'complete' });
  expect(sentTo(world.target('little'))).toBeLessThan(0.9 * size);
  expect(sentTo(world.target('large'))).toBe(size);
  await expectAllRight(world);
});

test('what was sent in parts is thrown away when the object travels in one piece in the end', async () => {
  await using world = await openWorld({ targets: { little: small(), whole: {} } });
  world.source.write('big', bytesOf(3 * MiB, 'in one piece'));
  await killedHalfWay(world, MiB);
  const { policy } = world;
  world.policy = { ...policy, targets: [world.target('whole').site] };
  expect(await world.reconcile({ engine: await next(world) })).toMatchObject({ outcome: 'complete', copied: 1 });
  expect(world.target('whole').bucket.uploads.size).toBe(0);
});

test('a process that lost its lease does not throw away what another one has taken up', async () => {
  await using world = await openWorld({ targets: { any: small() } });
  world.source.write('big', bytes);
  const place = world.target('any');
  const late = place.again();
  await late.site.connect('target', calm);
  const engine = await world.another('late');
  const reached = Promise.withResolvers<void>();
  const wake = Promise.withResolvers<void>();
  late.before = async ({ operation }) => {
    if (operation !== 'part' || sentTo(late) < size / 2) return;
    reached.resolve();
    await wake.promise;
    throw late.error('invalid');
  };
  const { policy } = world;
  await world.source.site.connect('source', calm);
  const options = { deep: false, dryRun: false, onProgress: () => undefined };
  const stop = new AbortController();
  const ending = reconcile(engine, { ...policy, targets: [late.site] }, options, stop.signal).catch(() => undefined);
  await reached.promise;
  // Or it would claim the work again, before the other one.
  engine.catalog.claim = async () => [];
  const other = await next(world);
  let parts = 0;
  place.before = async ({ operation }) => {
    if (operation !== 'part' || (parts += 1) !== 3) return;
    wake.resolve();
    while (engine.budget.used > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  expect(await world.reconcile({ engine: other })).toMatchObject({ outcome: 'complete', copied: 1 });
  stop.abort();
  await ending;
  expect([late.count('abort'), place.count('resume-upload'), place.count('start-upload')]).toEqual([0, 1, 0]);
  await expectAllRight(world);
});

test('an upload that a target refuses to take up, or to throw away, is begun anew', async () => {
  await using world = await openWorld({ targets: { any: small() } });
  const target = world.target('any');
  world.source.write('big', bytes);
  target.before = ({ operation }) => {
    if (operation === 'part' && target.count('part') > 6) throw target.error('unavailable');
  };
  await world.reconcile();
  target.heal();
  target.before = ({ operation }) => {
    if (operation === 'resume-upload' || operation === 'abort') throw target.error('invalid');
  };
  world.clock.advance(24 * 3_600_000);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 1 });
  expect(target.bucket.objects.get('big')?.bytes.equals(bytes)).toBe(true);
});

test('a target that is read back for ever is left behind; it is not sent a byte again', async () => {
  await using world = await openWorld({ targets: { one: small(), slow: small('any', { attests: {} }) } });
  world.source.write('warm', 'x');
  await world.reconcile();
  world.source.write('big', bytes);
  const slow = world.target('slow');
  const stalled = Promise.withResolvers<void>();
  slow.body = async function* (chunks, key) {
    if (key === 'big') await stalled.promise;
    yield* chunks;
  };
  const stop = new AbortController();
  // The patience of one with another passes at once.
  const hurried: typeof systemClock.after = (ms, run) => systemClock.after(ms < 20_000 ? Math.min(ms, 5) : ms, run);
  const { clock } = world;
  const hurrying = { now: () => clock.now(), sleep: async (ms: number) => await clock.sleep(ms), after: hurried };
  const engine = { ...world.engine, clock: hurrying };
  const running = new Worker(engine, { policies: [world.policy] }).run(stop.signal, stop.signal);
  const onProgress = (): void => undefined;
  const passing = runPass(engine, world.policy, { full: true, deep: false, dryRun: false, onProgress }, calm);
  const isVerified = async (target: string): Promise<void> => {
    world.clock.advance(5_000);
    expect((await world.copy('big', target)).state).toBe('verified');
  };
  const patience = { timeout: 20_000, interval: 40 };
  await vi.waitFor(async () => await isVerified('one'), patience);
  expect((await world.copy('big', 'slow')).state).toBe('pending');
  slow.heal();
  stalled.resolve();
  await vi.waitFor(async () => await isVerified('slow'), patience);
  expect(sentTo(slow)).toBe(size);
  stop.abort();
  await Promise.all([running, passing]);
  expect(world.engine.budget.used).toBe(0);
});

test('an upload that goes on by another checkpoint is noted before the former is thrown away', async () => {
  await using world = await openWorld({ targets: { any: small() } });
  const target = world.target('any');
  world.source.write('big', bytes);
  const engine = await killedHalfWay(world);
  const { provider } = target.site;
  const former = [...target.bucket.uploads.keys()];
  const noted: (readonly (string | null)[])[] = [];
  vi.spyOn(provider, 'resumeUpload').mockImplementation(async (key, options, checkpoint, signal) => {
    const left = target.bucket.uploads.get(checkpoint);
    if (left === undefined) return undefined;
    const own = target.bucket.begin({ ...left, parts: new Map(left.parts) });
    return await new MemoryProvider({ ...small(), bucket: target.bucket }).resumeUpload(key, options, own, signal);
  });
  const abort = provider.abortUpload.bind(provider);
  vi.spyOn(provider, 'abortUpload').mockImplementation(async (key, checkpoint, signal) => {
    noted.push(await engine.catalog.checkpointsAt('any', 'big'));
    expect(former).toContain(checkpoint);
    await abort(key, checkpoint, signal);
  });
  expect(await world.reconcile({ engine })).toMatchObject({ outcome: 'complete', copied: 1 });
  expect(noted).toHaveLength(1);
  expect(noted.flat()).not.toContain(former[0]);
  await expectAllRight(world);
});
