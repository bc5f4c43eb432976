import { expect, test, vi } from 'vitest';
import { Daemon } from '../../../src/daemon.ts';
import { Deletions } from '../../../src/replication/deletions.ts';
import { readStatus } from '../../../src/replication/status.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import { untilAborted } from '../../support/hooked.ts';
import { claimedBy } from '../../support/place.ts';

const day = 24 * 3_600_000;
const after = 30 * day;
const calm = new AbortController().signal;
/** One object of three may go at once. */
const guard = { maxChanged: 0.5, minObjects: 1 };

/** A policy that deletes after 30 days, with `kept` at the source and `doomed` gone since a moment. */
async function openDoomed(options: WorldOptions = {}): Promise<World> {
  const world = await openWorld({ ...options, policy: { deleteAfter: after, guard, ...options.policy } });
  for (const key of ['doomed', 'kept', 'more']) world.source.write(key, key);
  await world.reconcile();
  world.source.bucket.objects.delete('doomed');
  await world.reconcile();
  expect(await world.object('doomed')).toMatchObject({ state: 'gone' });
  return world;
}

/** Time goes by, and somebody looks often enough for the absence to count. */
async function days(world: World, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 29) {
    world.clock.advance(Math.min(left, 29) * day);
    await world.reconcile();
  }
}

/** The copies of `doomed` may be deleted, and were not yet. */
async function openDue(): Promise<World> {
  const world = await openDoomed();
  await days(world, 29);
  world.clock.advance(1.1 * day);
  for (const place of world.targets) place.failWith('unavailable', 'delete');
  expect(await world.reconcile()).toMatchObject({ deleted: 0, outcome: 'complete' });
  for (const place of world.targets) place.heal();
  return world;
}

async function round(world: World, engine = world.engine, policy = world.policy): Promise<number> {
  return (await new Deletions(engine, policy).round(calm)).deleted;
}

const holders = (world: World, key = 'doomed'): string[] =>
  world.targets.filter((place) => place.text(key) !== undefined).map((place) => place.name);

const everywhere = ['one', 'two', 'three'];

async function isKnown(world: World, key = 'doomed'): Promise<boolean> {
  return (await world.catalog.inspect('p', key)) !== undefined;
}

test('copies stay until the time is over, and then all go, with the row', async () => {
  await using world = await openDoomed();
  await days(world, 29);
  expect(holders(world)).toEqual(everywhere);
  world.clock.advance(1.1 * day);
  expect(await world.reconcile({ dryRun: true })).toMatchObject({ deleted: 3 });
  expect(holders(world)).toEqual(everywhere);
  expect(await world.reconcile()).toMatchObject({ deleted: 3, outcome: 'complete', failed: 0 });
  expect(holders(world)).toEqual([]);
  expect(holders(world, 'kept')).toEqual(everywhere);
  expect(await isKnown(world)).toBe(false);
  expect(await world.reconcile()).toMatchObject({ deleted: 0, outcome: 'complete', inPlace: 6 });
});

test('retained copies are never deleted, and a pass under retain makes the waiting begin anew', async () => {
  await using world = await openDoomed();
  const { deleteAfter: _, ...retaining } = world.policy;
  const propagating = world.policy;
  world.policy = retaining;
  await days(world, 100);
  expect(holders(world)).toEqual(everywhere);
  world.policy = propagating;
  await world.reconcile();
  expect(holders(world)).toEqual(everywhere);
  await days(world, 29);
  expect(holders(world)).toEqual(everywhere);
  world.policy = retaining;
  expect(await round(world)).toBe(0);
  world.policy = propagating;
  await days(world, 2);
  expect(holders(world)).toEqual([]);
});

test('the time alone deletes nothing: a whole pass has to have begun after it', async () => {
  await using world = await openDoomed();
  await days(world, 29);
  world.clock.advance(2 * day);
  expect(await round(world)).toBe(0);
  await world.reconcile({ prefix: 'do' });
  expect(await round(world)).toBe(0);
  expect(holders(world)).toEqual(everywhere);
});

test.each([
  ['forward by a year', 365 * day],
  ['backward by a year', -365 * day],
])('a clock that jumps %s deletes nothing', async (_, jump) => {
  await using world = await openDoomed();
  await days(world, 3);
  world.clock.advance(jump);
  await world.reconcile();
  await world.reconcile();
  expect(holders(world)).toEqual(everywhere);
  expect(await isKnown(world)).toBe(true);
});

test('a policy that is always looked at rarely deletes all the same', async () => {
  await using world = await openDoomed({ policy: { deleteAfter: day } });
  for (let week = 0; week < 3; week += 1) {
    world.clock.advance(7 * day);
    await world.reconcile();
  }
  expect(holders(world)).toEqual([]);
});

test('an object that returns right before the deletion is present again, and nothing of it is deleted', async () => {
  await using world = await openDoomed();
  await days(world, 29);
  world.clock.advance(1.1 * day);
  world.source.before = ({ operation, key }) => {
    if (operation === 'head' && key === 'doomed') world.source.write('doomed', 'again');
  };
  expect(await world.reconcile()).toMatchObject({ deleted: 0 });
  world.source.heal();
  expect(holders(world)).toEqual(everywhere);
  await world.reconcile();
  expect(await world.object('doomed')).toMatchObject({ state: 'present' });
  expect(world.target('one').text('doomed')).toBe('again');
});

test.each(['denied', 'unavailable', 'throttled', 'invalid'] as const)(
  'a source that answers %s when asked for the object has nothing deleted',
  async (code) => {
    await using world = await openDoomed();
    await days(world, 29);
    world.clock.advance(1.1 * day);
    world.source.failWith(code, 'head');
    expect(await world.reconcile()).toMatchObject({ deleted: 0 });
    expect(holders(world)).toEqual(everywhere);
    world.source.heal();
    expect(await world.reconcile()).toMatchObject({ deleted: 3 });
  },
);

test('a source that cannot be listed, or is held, has nothing deleted', async () => {
  await using world = await openDoomed();
  await days(world, 29);
  world.clock.advance(1.1 * day);
  world.source.failWith('unavailable', 'list');
  await world.reconcile();
  world.source.heal();
  expect(await round(world)).toBe(0);
  const objects = new Map(world.source.bucket.objects);
  world.source.bucket.objects.clear();
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', deleted: 0 });
  expect(holders(world)).toEqual(everywhere);
  for (const [key, object] of objects) world.source.bucket.objects.set(key, object);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', deleted: 3 });
});

test('what was let go already stops when the source cannot be listed, and goes on when it can', async () => {
  await using world = await openDue();
  world.source.failWith('unavailable', 'list');
  await world.reconcile();
  world.source.heal();
  expect(await round(world)).toBe(0);
  await world.catalog.updatePolicy('p', { hold: null });
  expect(await round(world)).toBe(0);
  expect(await world.reconcile()).toMatchObject({ deleted: 3 });
});

test('a source that suddenly has nothing at all is not believed', async () => {
  await using world = await openDue();
  world.source.failWith('not-found', 'head');
  expect(await round(world)).toBe(0);
  world.source.heal();
  expect(await round(world)).toBe(3);
});

test('a source that is rightly empty has to be listed', async () => {
  await using world = await openWorld({ policy: { deleteAfter: after, guard } });
  world.source.write('doomed', 'x');
  await world.reconcile();
  world.source.bucket.objects.clear();
  await world.reconcile();
  await world.catalog.decideHold('p', 'released', { by: 'ana@here' });
  await days(world, 1);
  for (const place of world.targets) place.failWith('unavailable', 'delete');
  await days(world, 29.1);
  for (const place of world.targets) place.heal();
  world.source.failWith('denied', 'list');
  expect(await round(world)).toBe(0);
  world.source.heal();
  expect(await round(world)).toBe(3);
});

test('another source under the same policy, or a longer time, has nothing deleted', async () => {
  await using world = await openDue();
  const { engine, policy } = world;
  expect(await round(world, engine, { ...policy, sourceIdentity: 'another bucket' })).toBe(0);
  expect(await round(world, engine, { ...policy, deleteAfter: 2 * after })).toBe(0);
  expect(holders(world)).toEqual(everywhere);
  expect(await round(world)).toBe(3);
});

test('what somebody else put in place of a copy stays, is told of, and is not tried again', async () => {
  await using world = await openDoomed();
  await days(world, 29);
  const foreign = world.target('two');
  world.clock.advance(1.1 * day);
  // Between the pass, which would notice it, and the deletion.
  world.source.before = ({ operation }) => void (operation === 'head' && foreign.write('doomed', 'mine'));
  expect(await world.reconcile()).toMatchObject({
    deleted: 2,
    reasons: [expect.stringContaining('1 keys of what went hold something that is not ours')],
  });
  expect(foreign.text('doomed')).toBe('mine');
  expect(await isKnown(world)).toBe(false);
  world.source.heal();
  foreign.forget();
  await days(world, 2);
  expect(foreign.count('delete', 'put')).toBe(0);
  expect(foreign.text('doomed')).toBe('mine');
});

test('a copy that has another version now and still bears its record waits for the pass that proves it', async () => {
  await using world = await openDoomed();
  await days(world, 29);
  world.clock.advance(1.1 * day);
  const touched = world.target('two');
  world.source.before = ({ operation }) => {
    const object = touched.bucket.objects.get('doomed');
    if (operation === 'head' && object !== undefined) touched.bucket.write('doomed', { ...object });
  };
  expect(await world.reconcile()).toMatchObject({ deleted: 2 });
  world.source.heal();
  expect(holders(world)).toEqual(['two']);
  await world.reconcile();
  expect(holders(world)).toEqual([]);
});

test('a target that is down keeps its copies until it is back; the others go meanwhile and do not come back', async () => {
  await using world = await openDoomed();
  await days(world, 29);
  world.clock.advance(1.1 * day);
  const down = world.target('three');
  down.failWith('unavailable');
  expect(await world.reconcile()).toMatchObject({ deleted: 2 });
  expect(holders(world)).toEqual(['three']);
  expect(await world.events('doomed')).toEqual(expect.arrayContaining(['gone', 'deleted', 'deleted']));
  expect(await world.catalog.counts('p')).toMatchObject({ gone: 1, lost: 0, copies: { verified: 7, pending: 0 } });
  down.heal();
  await world.reconcile();
  expect(holders(world)).toEqual([]);
  expect(await isKnown(world)).toBe(false);
});

test('an object that returns after some of its copies went gets them again', async () => {
  await using world = await openDoomed();
  await days(world, 29);
  world.clock.advance(1.1 * day);
  world.target('three').failWith('denied', 'delete');
  expect(await world.reconcile()).toMatchObject({ deleted: 2 });
  world.source.write('doomed', 'doomed again');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', objects: 3, failed: 0 });
  expect(holders(world)).toEqual(everywhere);
  for (const place of world.targets) expect(place.text('doomed')).toBe('doomed again');
});

test('a target that does not make sure of its deletes keeps everything, and that is said once', async () => {
  const targets = { one: {}, loose: { capabilities: { conditionalDeletes: false } } };
  await using world = await openDoomed({ targets });
  await days(world, 29);
  world.clock.advance(1.1 * day);
  const { deleted, reasons, outcome } = await world.reconcile();
  expect([deleted, outcome]).toEqual([1, 'complete']);
  expect(reasons).toEqual([expect.stringContaining('copies of what went stay at loose')]);
  expect(holders(world)).toEqual(['loose']);
  await days(world, 2);
  expect(holders(world)).toEqual(['loose']);
  expect(world.target('loose').count('delete')).toBe(0);
});

test('a crash between the deletion and its record is made good by the next round', async () => {
  await using world = await openDoomed();
  await days(world, 29);
  world.clock.advance(1.1 * day);
  world.target('one').after = ({ operation }) => {
    if (operation === 'delete') throw world.target('one').error('unavailable');
  };
  expect(await world.reconcile()).toMatchObject({ deleted: 2 });
  expect(holders(world)).toEqual([]);
  expect(await isKnown(world)).toBe(true);
  world.target('one').heal();
  await world.reconcile();
  expect(await isKnown(world)).toBe(false);
});

test('two daemons delete each copy once', async () => {
  await using world = await openDue();
  const other = await world.another();
  world.forget();
  const deleted = await Promise.all([world.engine, other].map(async (engine) => await round(world, engine)));
  expect(deleted.reduce((sum, count) => sum + count, 0)).toBe(3);
  expect(world.count('delete')).toBe(3);
});

test('what is under lease is left to whoever has it', async () => {
  await using world = await openDoomed();
  await days(world, 29);
  world.clock.advance(1.1 * day);
  const { id } = await world.object('doomed');
  await world.catalog.record('p', [{ kind: 'recheck', id, target: 'one' }]);
  const [claim] = await world.catalog.claim({
    ...{ owner: 'repairer', policies: ['p'], targets: everywhere, limit: 1, leaseMs: day },
  });
  expect(claim?.objectId).toBe(id);
  const until = world.clock.now();
  const request = { owner: 'deleter', policy: 'p', targets: everywhere, until, limit: 10, leaseMs: 1000 };
  expect(await world.catalog.claimGone(request)).toEqual([]);
});

test('copies that are not proven go only if they bear our record', async () => {
  await using world = await openDoomed({ policy: { minCopies: 1 } });
  await days(world, 29);
  const { id } = await world.object('doomed');
  const asOf = world.clock.now();
  const [ours, foreign] = [world.target('one'), world.target('two')];
  ours.write('doomed', 'doomed');
  await claimedBy(ours, 'doomed', 'v');
  foreign.write('doomed', 'mine');
  await world.catalog.record('p', [
    { kind: 'foreign', id, target: 'one', version: ours.bucket.objects.get('doomed')?.version ?? '', asOf },
    { kind: 'foreign', id, target: 'two', version: foreign.bucket.objects.get('doomed')?.version ?? '', asOf },
  ]);
  world.clock.advance(1.1 * day);
  const startedAt = world.clock.now();
  const state = await world.catalog.readPolicy('p');
  if (state.lastPass === null) throw new Error('no pass');
  const deletes = { since: 0, interval: day, until: startedAt - after };
  await world.catalog.updatePolicy('p', {
    lastPass: { ...state.lastPass, startedAt, deletes },
    lastCompletePassAt: startedAt,
  });
  expect(await new Deletions(world.engine, world.policy).round(calm)).toMatchObject({
    deleted: 2,
    left: 1,
    forgotten: 1,
  });
  expect(holders(world)).toEqual(['two']);
});

test('keys that the globs leave out have their copies kept, whatever the listing lacks', async () => {
  await using world = await openWorld({ policy: { deleteAfter: after, guard } });
  for (const key of ['doomed', 'kept', 'more']) world.source.write(key, key);
  await world.reconcile();
  world.policy = { ...world.policy, includes: (key) => key !== 'doomed' };
  await world.reconcile();
  world.source.bucket.objects.delete('doomed');
  await days(world, 32);
  expect(holders(world)).toEqual(everywhere);
});

test('very many deletions at once wait for a person, unless one decision made all of them go', async () => {
  await using world = await openWorld({ policy: { deleteAfter: after, guard: { maxChanged: 0.25, minObjects: 2 } } });
  for (let n = 0; n < 12; n += 1) world.source.write(`k${n}`, `${n}`);
  await world.reconcile();
  for (const keys of [['k0', 'k1'], ['k2', 'k3'], ['k4']]) {
    for (const key of keys) world.source.bucket.objects.delete(key);
    world.clock.advance(1000);
    expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
  }
  await days(world, 29);
  world.clock.advance(2 * day);
  const held = await world.reconcile();
  expect(held).toMatchObject({ outcome: 'held', deleted: 0 });
  expect(held.reasons[0]).toContain('the copies of 5 objects that went are due to be deleted at once');
  expect(world.target('one').keys()).toHaveLength(12);
  await world.catalog.decideHold('p', 'released', { by: 'ana@here' });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', deleted: 15 });
  expect(world.target('one').keys()).toHaveLength(7);
});

test('a release of a mass deletion is not asked for again when its time is over', async () => {
  await using world = await openWorld({ policy: { deleteAfter: after, guard: { maxChanged: 0.25, minObjects: 2 } } });
  for (let n = 0; n < 8; n += 1) world.source.write(`k${n}`, `${n}`);
  await world.reconcile();
  for (let n = 0; n < 6; n += 1) world.source.bucket.objects.delete(`k${n}`);
  expect(await world.reconcile()).toMatchObject({ outcome: 'held' });
  await world.catalog.decideHold('p', 'released', { by: 'ana@here' });
  await days(world, 31);
  expect(world.target('one').keys()).toEqual(['k6', 'k7']);
});

test('status says how many are gone and when the next is due', async () => {
  await using world = await openDoomed();
  const read = async () => {
    const status = await readStatus(world.catalog, [world.policy], [], world.clock.now());
    return status.policies[0];
  };
  const before = await read();
  expect(before).toMatchObject({ gone: 1, lost: 0, deletes: { mode: 'propagate', due: 0 } });
  const left = (before?.deletes.nextAt ?? 0) - world.clock.now();
  expect(left).toBeGreaterThan(after - 60_000);
  expect(left).toBeLessThanOrEqual(after);
  await days(world, 29);
  world.clock.advance(1.1 * day);
  world.source.failWith('unavailable', 'head');
  await world.reconcile();
  expect(await read()).toMatchObject({ gone: 1, deletes: { due: 1, nextAt: null } });
});

test('a round that is ended records what it did', async () => {
  await using world = await openDue();
  const end = new AbortController();
  world.target('one').after = ({ operation }) => void (operation === 'delete' && end.abort());
  world.target('two').before = async ({ operation }, signal) => {
    if (operation === 'delete') await untilAborted(signal);
  };
  await new Deletions(world.engine, world.policy).round(end.signal);
  expect(holders(world)).not.toContain('one');
  expect(holders(world)).toContain('two');
  expect((await world.object('doomed')).copies.map(({ target }) => target)).toEqual(holders(world));
});

test('a daemon deletes by itself what its passes let go', async () => {
  await using world = await openDoomed();
  await days(world, 29);
  world.clock.advance(1.1 * day);
  const daemon = new Daemon({ engine: world.engine, policies: [world.policy], noteProviders: async () => undefined });
  const running = daemon.run();
  await vi.waitFor(() => expect(holders(world)).toEqual([]), { timeout: 20_000, interval: 20 });
  daemon.drain(5_000);
  await running;
  expect(holders(world, 'kept')).toEqual(everywhere);
});
