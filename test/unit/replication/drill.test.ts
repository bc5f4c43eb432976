import { expect, test } from 'vitest';
import { drillNow, Drills } from '../../../src/replication/drills.ts';
import type { DrillEnd } from '../../../src/replication/drill.ts';
import type { DrillSettings } from '../../../src/replication/policy.ts';
import { readStatus, type Status } from '../../../src/replication/status.ts';
import type { Log } from '../../../src/telemetry/log.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import { claimedBy } from '../../support/place.ts';
import { seededRandom } from '../../support/random.ts';
import { printedSeed } from '../../support/seed.ts';

const calm = new AbortController().signal;
const day = 86_400_000;
const MiB = 1024 ** 2;

const settings: DrillSettings = { every: 7 * day, sample: 100, bytes: 64 * MiB };

async function withCopies(count: number, options: WorldOptions = {}): Promise<World> {
  const world = await openWorld({ targets: { one: {}, two: {} }, policy: { drill: settings }, ...options });
  for (let index = 0; index < count; index += 1) world.source.write(`object ${index}`, `bytes of ${index}`);
  await world.reconcile();
  world.forget();
  return world;
}

async function drill(world: World, target = 'one', rest: Partial<DrillSettings> = {}): Promise<DrillEnd> {
  const { site } = world.target(target);
  await world.catalog.drills.begin('p', target, 0);
  return await drillNow(world.engine, world.policy, site, { ...settings, ...rest }, calm);
}

async function statusOf(world: World, now = world.clock.now()): Promise<Status> {
  return await readStatus(world.catalog, [world.policy], [], now);
}

function drillsOf({ policies: [policy] }: Status, target = 'one') {
  return policy?.drills[target];
}

test('every object is restored from the one place, nobody else is asked, and nothing is written', async () => {
  await using world = await withCopies(5);
  expect(await drill(world)).toMatchObject({
    result: { objects: 5, failed: 0, failure: null, bytes: 50, tooLarge: 0 },
  });
  expect(world.target('one').count('read')).toBe(5);
  expect(world.target('one').count('list')).toBe(5);
  expect(world.target('one').count('put', 'delete', 'start-upload')).toBe(0);
  expect([world.target('two').count(), world.source.count()]).toEqual([0, 0]);
  const status = await statusOf(world);
  expect(drillsOf(status)).toMatchObject({ failed: 0, objects: 5, bytes: 50, obstacle: null, overdue: false });
  expect(drillsOf(status)?.lastSuccess).not.toBe(null);
  expect(drillsOf(status)?.recoverySeconds).toBeGreaterThan(0);
  expect(status).toMatchObject({ status: 'ok', reasons: [] });
});

test('a large object passes in parts, within the memory', async () => {
  const memory = 32 * MiB;
  await using world = await withCopies(0, { memory });
  world.source.write('large', Buffer.alloc(50 * MiB, 7));
  await world.reconcile();
  expect(await drill(world)).toMatchObject({ result: { objects: 1, failed: 0, bytes: 50 * MiB } });
});

test('damage fails the drill loudly, is repaired, and the next drill succeeds', async () => {
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (_: object, message: string) => void errors.push(message) };
  await using world = await withCopies(5, { log });
  world.target('one').flip('object 3');
  expect(await drill(world)).toMatchObject({
    result: { objects: 5, failed: 1, failure: { key: 'object 3', code: 'checksum-mismatch' } },
  });
  expect(errors).toEqual([expect.stringMatching(/the drill failed: .*object 3/)]);
  const status = await statusOf(world);
  expect(status).toMatchObject({ status: 'degraded' });
  expect(status.reasons).toContainEqual(
    expect.stringMatching(/p: the drill at one failed: 1 of 5 objects could not be restored/),
  );
  expect(drillsOf(status)).toMatchObject({ lastSuccess: null, failed: 1, firstFailure: { key: 'object 3' } });
  expect(await world.copy('object 3')).toMatchObject({ state: 'damaged' });
  await world.reconcile();
  expect(world.target('one').text('object 3')).toBe('bytes of 3');
  expect(await drill(world)).toMatchObject({ result: { failed: 0 } });
  expect((await statusOf(world)).status).toBe('ok');
});

test('a copy that is missing fails it, and becomes due', async () => {
  await using world = await withCopies(3);
  world.target('one').bucket.objects.delete('object 1');
  expect(await drill(world)).toMatchObject({
    result: { objects: 3, failed: 1, failure: { key: 'object 1', code: 'not-found' } },
  });
  expect(await world.copy('object 1')).toMatchObject({ state: 'damaged', version: null });
});

test('a copy that a listing leaves out fails it although it can be read', async () => {
  await using world = await withCopies(3);
  world.target('one').listing = async function* listing(pages) {
    for await (const { entries } of pages) yield { entries: entries.filter(({ key }) => key !== 'object 1') };
  };
  expect(await drill(world)).toMatchObject({
    result: { objects: 3, failed: 1, failure: { key: 'object 1', code: 'not-found' } },
  });
  expect(await world.copy('object 1')).toMatchObject({ state: 'verified' });
});

test('other bytes with a record of their own fail it: the record is believed, and the catalog knows better', async () => {
  await using world = await withCopies(3);
  const one = world.target('one');
  const standing = one.bucket.objects.get('object 1');
  if (standing === undefined) throw new Error('object 1 was not copied');
  one.bucket.write('object 1', { ...standing, bytes: Buffer.from('other bytes') });
  await claimedBy(one, 'object 1', 'v9');
  expect(await drill(world)).toMatchObject({
    result: { failed: 1, failure: { key: 'object 1', code: 'checksum-mismatch' } },
  });
  expect(await world.copy('object 1')).toMatchObject({ state: 'damaged' });
});

test('the right bytes under a record of others, or other metadata, fail it', async () => {
  await using world = await withCopies(3);
  const { bucket } = world.target('one');
  const forge = (key: string, change: object): void => {
    const standing = bucket.objects.get(key);
    if (standing === undefined) throw new Error(`${key} was not copied`);
    bucket.objects.set(key, { ...standing, ...change });
  };
  const record = bucket.objects.get('object 0')?.record;
  forge('object 1', { record });
  forge('object 2', { attributes: { contentType: 'text/x-forged', metadata: {} } });
  expect(await drill(world)).toMatchObject({ result: { objects: 3, failed: 2 } });
  expect(await world.copy('object 1')).toMatchObject({ state: 'damaged', error: { code: 'invalid' } });
  expect(await world.copy('object 2')).toMatchObject({ state: 'damaged', error: { code: 'invalid' } });
});

test('a copy that was found at the target and has no record is what the catalog says', async () => {
  await using world = await openWorld({ targets: { one: {} }, policy: { drill: settings } });
  for (const place of [world.source, world.target('one')]) place.write('adopted', 'bytes');
  await world.reconcile();
  expect(await world.copy('adopted')).toMatchObject({ state: 'verified', recorded: false });
  expect(await drill(world)).toMatchObject({ result: { objects: 1, failed: 0 } });
});

test('a target that is down is no failed drill: what is known stays, and why there was none is told', async () => {
  await using world = await withCopies(10);
  await drill(world);
  const before = drillsOf(await statusOf(world));
  const one = world.target('one');
  one.failWith('unavailable', 'list', 'head', 'read');
  world.forget();
  expect(await drill(world)).toEqual({ obstacle: expect.stringMatching(/one does not answer: one says unavailable/) });
  expect(one.count('list')).toBe(3);
  const status = await statusOf(world);
  expect(drillsOf(status)).toMatchObject({
    ...{ lastSuccess: before?.lastSuccess, objects: 10, failed: 0 },
    obstacle: expect.stringMatching(/does not answer/),
  });
  expect(status.status).toBe('ok');
  const late = await statusOf(world, world.clock.now() + 15 * day);
  expect(late.reasons).toContainEqual(expect.stringMatching(/no drill at one has succeeded for too long/));
});

test('one object that cannot be had while the others can fails it', async () => {
  await using world = await withCopies(10);
  const one = world.target('one');
  one.before = ({ operation, key }) => {
    if (operation === 'read' && key === 'object 4') throw one.error('unavailable', key);
  };
  expect(await drill(world)).toMatchObject({
    result: { objects: 10, failed: 1, failure: { key: 'object 4', code: 'unavailable' } },
  });
  expect(await world.copy('object 4')).toMatchObject({ state: 'verified' });
});

test('what may not be read fails it: nobody could restore it; what is known of the copies stays', async () => {
  await using world = await withCopies(2);
  world.target('one').failWith('denied', 'read');
  const failure = { key: expect.any(String) as string, code: 'denied', message: 'one says denied' };
  expect(await drill(world)).toMatchObject({ result: { objects: 2, failed: 2, failure } });
  expect(drillsOf(await statusOf(world))).toMatchObject({ failed: 2, firstFailure: failure });
  expect(await world.problems()).toEqual([]);
});

test('damage that is not seen a second time is no failure, nor is a place that goes away in the middle', async () => {
  await using world = await withCopies(1);
  const one = world.target('one');
  let reads = 0;
  one.body = async function* body(chunks) {
    reads += 1;
    for await (const chunk of chunks) yield reads <= 2 ? Buffer.alloc(chunk.length) : chunk;
  };
  expect(await drill(world)).toMatchObject({ result: { objects: 1, failed: 0 } });
  reads = 0;
  one.before = ({ operation }) => {
    if (operation === 'read' && reads >= 2) throw one.error('unavailable');
  };
  expect(await drill(world)).toEqual({ obstacle: expect.stringMatching(/does not answer/) });
  expect(await world.copy('object 0')).toMatchObject({ state: 'verified' });
});

test('a copy that is replaced while it is read is no failure', async () => {
  await using world = await withCopies(1);
  const one = world.target('one');
  one.before = async ({ operation }) => {
    if (operation !== 'read') return;
    one.heal();
    world.source.write('object 0', 'the newer bytes');
    await world.reconcile();
  };
  expect(await drill(world)).toEqual({ nothing: true });
});

test('it stays within its objects and bytes, and says what is too large for it', async () => {
  await using world = await withCopies(0);
  for (let index = 0; index < 20; index += 1) world.source.write(`small ${index}`, Buffer.alloc(100, index));
  world.source.write('huge', Buffer.alloc(5000));
  await world.reconcile();
  world.forget();
  expect(await drill(world, 'one', { sample: 7 })).toMatchObject({ result: { objects: 7 } });
  world.forget();
  expect(await drill(world, 'one', { bytes: 1050 })).toMatchObject({ result: { objects: 10, tooLarge: 1 } });
  expect(world.target('one').bytesRead).toBe(1000);
  expect(await drill(world, 'one', { bytes: 50 })).toEqual({
    obstacle: expect.stringMatching(/larger than drill.bytes/),
  });
});

test('over time everything gets its turn, each as likely as any other', async () => {
  const seed = printedSeed('drill: everything gets its turn');
  await using world = await withCopies(40);
  const engine = { ...world.engine, random: seededRandom(seed) };
  const times = new Map<string, number>();
  for (let index = 0; index < 150; index += 1) {
    world.forget();
    const options = { ...settings, sample: 4 };
    await drillNow(engine, world.policy, world.target('one').site, options, calm);
    for (const { operation, key = '' } of world.target('one').calls)
      if (operation === 'read') times.set(key, (times.get(key) ?? 0) + 1);
  }
  expect(times.size).toBe(40);
  // Fifteen times each; the standard deviation is below four.
  expect(Math.max(...times.values())).toBeLessThan(38);
});

test('the schedule goes on after a restart; after a failure it is looked again soon', async () => {
  await using world = await withCopies(1, { targets: { one: {} } });
  const { clock } = world;
  const one = world.target('one');
  const due = async (): Promise<number> => {
    world.forget();
    // As after a restart: nothing is remembered but what the catalog has.
    await new Drills(world.engine, world.policy, settings).drillIfDue(one.site, calm);
    return one.count('list');
  };
  expect(await due()).toBe(1);
  expect(await due()).toBe(0);
  clock.advance(6 * day);
  expect(await due()).toBe(0);
  clock.advance(day);
  one.failWith('unavailable');
  expect(await due()).toBeGreaterThan(0);
  expect(await due()).toBe(0);
  one.heal();
  one.flip('object 0');
  clock.advance(day / 24);
  expect(await due()).toBeGreaterThan(0);
  expect((await world.catalog.drills.read('p'))[0]?.last).toMatchObject({ failed: 1 });
  clock.advance(day / 24);
  expect(await due()).toBe(0);
  await world.reconcile();
  expect(await due()).toBe(1);
  expect((await world.catalog.drills.read('p'))[0]?.last).toMatchObject({ failed: 0 });
});

test('it ends with the daemon, and notes nothing of what was broken off', async () => {
  await using world = await withCopies(3);
  const stop = new AbortController();
  world.target('one').before = ({ operation }) => {
    if (operation === 'read') stop.abort();
  };
  await new Drills(world.engine, world.policy, settings).run(stop.signal);
  expect((await world.catalog.drills.read('p')).find(({ target }) => target === 'one')).toMatchObject({ last: null });
});
