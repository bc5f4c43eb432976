import { expect, test } from 'vitest';
import type { Decision } from '../../../src/catalog/holds.ts';
import { decideHold } from '../../../src/replication/hold.ts';
import { readStatus } from '../../../src/replication/status.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';

const count = 20;
const strict: WorldOptions = { policy: { guard: { maxChanged: 0.1, minObjects: 5 } } };

async function filled(options: WorldOptions = strict): Promise<World> {
  const world = await openWorld(options);
  for (let n = 0; n < count; n += 1) world.source.write(`k${n}`, `old ${n}`);
  await world.reconcile();
  return world;
}

function encrypt(world: World, first = 0): void {
  for (let n = first; n < count; n += 1) world.source.write(`k${n}`, `encrypted ${n}`);
}

async function decide(world: World, decision: Decision) {
  return await decideHold(world.catalog, world.policy, decision, 'ana@desk');
}

async function statusOf(world: World) {
  const { status, reasons, policies } = await readStatus(world.catalog, [world.policy], [], world.clock.now());
  const [policy] = policies;
  if (policy === undefined) throw new Error('no policy');
  return { status, reasons, policy };
}

test('a rejected change is not believed: the copies stay, and it is not held again', async () => {
  await using world = await filled();
  encrypt(world);
  await world.reconcile();
  expect(await decide(world, 'rejected')).toMatchObject({ outcome: 'rejected', overwritten: count, vanished: 0 });
  const between = await statusOf(world);
  expect(between.reasons).toEqual(['p: the hold was rejected by ana@desk; no pass has looked since']);
  for (let pass = 0; pass < 2; pass += 1) {
    expect(await world.reconcile()).toMatchObject({ outcome: 'complete', held: 0, copied: 0, inPlace: 3 * count });
  }
  expect(world.target('one').text('k7')).toBe('old 7');
  const { status, reasons, policy } = await statusOf(world);
  expect([status, reasons]).toEqual(['ok', []]);
  expect(policy).toMatchObject({ rejected: count, held: 0, hold: null, safe: count });
  expect(policy.decisions).toMatchObject([{ decision: 'rejected', by: 'ana@desk', hold: { overwritten: count } }]);
});

test('what is kept against the source is still audited, and repaired from copies, never from the source', async () => {
  await using world = await filled();
  encrypt(world);
  await world.reconcile();
  await decide(world, 'rejected');
  world.target('one').flip('k3');
  world.target('two').bucket.objects.delete('k4');
  world.source.forget();
  await world.reconcile({ deep: true });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
  expect(world.target('one').text('k3')).toBe('old 3');
  expect(world.target('two').text('k4')).toBe('old 4');
  expect(world.source.count('read')).toBe(0);
  expect(await statusOf(world)).toMatchObject({ status: 'ok', policy: { rejected: count } });
});

test('with no good copy left, what is kept against the source is lost, and nothing is taken from the source', async () => {
  await using world = await filled();
  encrypt(world);
  await world.reconcile();
  await decide(world, 'rejected');
  for (const { bucket } of world.targets) bucket.objects.delete('k3');
  await world.reconcile();
  expect(await statusOf(world)).toMatchObject({ status: 'failing', policy: { lost: 1 } });
  expect((await world.problems())[0]?.error?.message).toContain('its change was rejected');
  expect(world.target('one').text('k3')).toBeUndefined();
});

test('one more change of a rejected object is held, however few there are, until a person decides; its return is not', async () => {
  await using world = await filled();
  const old = world.source.bucket.objects.get('k1');
  if (old === undefined) throw new Error('it was written');
  encrypt(world);
  await world.reconcile();
  await decide(world, 'rejected');
  world.source.bucket.objects.set('k1', old);
  world.source.write('k2', 'a later edit');
  world.source.write('new', 'flows');
  const reasons = ['1 objects whose change was rejected changed once more'];
  const held = { outcome: 'held', held: 1, copied: 0, reasons };
  expect(await world.reconcile({ dryRun: true })).toMatchObject({ outcome: 'held', reasons });
  expect(await world.reconcile()).toMatchObject({ ...held, copied: 3 });
  expect(await world.reconcile({ prefix: 'k1' })).toMatchObject({ ...held, held: 0 });
  expect(await world.reconcile()).toMatchObject(held);
  expect(world.target('one').text('k2')).toBe('old 2');
  expect(await world.catalog.counts('p')).toMatchObject({ rejected: count - 1, contested: 1 });
  expect(await world.object('k1')).toMatchObject({ rejected: null, observed: null });
  expect(await decide(world, 'rejected')).toMatchObject({ outcome: 'rejected', overwritten: 1 });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', held: 0, copied: 0 });
  world.source.write('k2', 'the last edit');
  expect(await world.reconcile()).toMatchObject(held);
  expect(await decide(world, 'released')).toMatchObject({ outcome: 'released', overwritten: 1 });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3 });
  expect(world.target('one').text('k2')).toBe('the last edit');
  expect(await world.catalog.counts('p')).toMatchObject({ rejected: count - 2, contested: 0 });
});

test('what was rejected does not come through when it is touched, file by file, nor when it is back as something else', async () => {
  await using world = await filled();
  encrypt(world, 10);
  for (let n = 0; n < 10; n += 1) world.source.bucket.objects.delete(`k${n}`);
  await world.reconcile();
  expect(await decide(world, 'rejected')).toMatchObject({ outcome: 'rejected', overwritten: 10, vanished: 10 });
  for (const n of [3, 13]) {
    world.source.write(`k${n}`, `encrypted ${n}`);
    expect(await world.reconcile()).toMatchObject({ outcome: 'held' });
  }
  world.source.bucket.objects.delete('k14');
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 3 });
  for (let n = 0; n < count; n += 1) expect(world.target('one').text(`k${n}`)).toBe(`old ${n}`);
  world.source.bucket.objects.delete('k3');
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 2 });
  expect(await world.object('k3')).toMatchObject({ observed: null, rejected: { kind: 'vanished' } });
});

test('one more change that somebody else saw is held too, until the source shows again what was rejected', async () => {
  await using world = await filled();
  encrypt(world);
  await world.reconcile();
  await decide(world, 'rejected');
  await world.reconcile();
  const { id } = await world.object('k2');
  const object = { version: 'seen by a worker', size: 1, modifiedAt: 1 };
  await world.catalog.record('p', [{ kind: 'overwritten', id, object, asOf: world.clock.now() }]);
  const reasons = ['1 objects whose change was rejected changed once more'];
  expect(await world.reconcile({ prefix: 'k1' })).toMatchObject({ outcome: 'held', reasons });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', held: 0, copied: 0 });
  expect(await world.catalog.counts('p')).toMatchObject({ rejected: count, observed: 0 });
});

test('an emptied source that is rejected is no reason to hold any more, until it is back', async () => {
  await using world = await filled();
  const all = new Map(world.source.bucket.objects);
  world.source.bucket.objects.clear();
  expect(await world.reconcile()).toMatchObject({ outcome: 'held' });
  await decide(world, 'rejected');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', objects: count });
  expect(await statusOf(world)).toMatchObject({ status: 'ok', policy: { rejected: count, objects: count, gone: 0 } });
  for (const [key, object] of all) world.source.bucket.objects.set(key, object);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0 });
  expect(await statusOf(world)).toMatchObject({ status: 'ok', policy: { rejected: 0 } });
});

test('another source stays held after a rejection, and is accepted by a release', async () => {
  await using world = await filled();
  const { sourceIdentity } = world.policy;
  world.policy = { ...world.policy, sourceIdentity: 'another bucket' };
  world.source.bucket.objects.clear();
  await world.reconcile();
  expect(await decide(world, 'rejected')).toMatchObject({ outcome: 'rejected', vanished: count });
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 0 });
  expect(await statusOf(world)).toMatchObject({ status: 'degraded', policy: { rejected: count } });
  // The right one again: the hold ends by itself.
  world.policy = { ...world.policy, sourceIdentity };
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
  world.policy = { ...world.policy, sourceIdentity: 'another bucket' };
  await world.reconcile();
  expect(await decide(world, 'released')).toMatchObject({ outcome: 'released' });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
  expect(await world.catalog.readPolicy('p')).toMatchObject({ sourceIdentity: 'another bucket' });
});

test('a source that is not listed to its end cannot be released; the hold ends when it is', async () => {
  await using world = await filled();
  world.source.failWith('denied', 'list');
  await world.reconcile();
  expect(await decide(world, 'released')).toMatchObject({ outcome: 'not-listed' });
  expect(await statusOf(world)).toMatchObject({ status: 'degraded', policy: { hold: { listingFailed: true } } });
  expect(await decide(world, 'rejected')).toMatchObject({ outcome: 'rejected', overwritten: 0, vanished: 0 });
  expect(await world.reconcile()).toMatchObject({ outcome: 'held' });
  world.source.heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
});

test('a rejection that is taken back is held again, and can be released then', async () => {
  await using world = await filled();
  encrypt(world);
  await world.reconcile();
  await decide(world, 'rejected');
  await world.reconcile();
  expect(await decide(world, 'released')).toEqual({ outcome: 'taken-back', overwritten: count, vanished: 0 });
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: count });
  expect(await decide(world, 'released')).toMatchObject({ outcome: 'released' });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3 * count });
  const { policy } = await statusOf(world);
  expect(policy.decisions.map(({ decision }) => decision)).toEqual(['released', 'released', 'rejected']);
});

test('a release lets through what was held and nothing that comes after', async () => {
  await using world = await filled();
  encrypt(world, 10);
  await world.reconcile();
  expect(await decide(world, 'released')).toMatchObject({ outcome: 'released', overwritten: 10 });
  world.source.bucket.objects.clear();
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: count });
  expect(world.target('one').text('k3')).toBe('old 3');
});

test('what others noted since the hold was made is not released unseen', async () => {
  await using world = await filled();
  encrypt(world, 14);
  await world.reconcile();
  const rows = await Promise.all(Array.from({ length: 14 }, async (_, n) => await world.object(`k${n}`)));
  const asOf = world.clock.now();
  const object = { version: 'unseen', size: 1, modifiedAt: 1 };
  await world.catalog.record(
    'p',
    rows.map(({ id }) => ({ kind: 'overwritten' as const, id, object, asOf })),
  );
  expect(await decide(world, 'released')).toMatchObject({ outcome: 'too-many', held: count });
  expect(await statusOf(world)).toMatchObject({ policy: { held: count, hold: { overwritten: 6 } } });
});

test.each(['released', 'rejected'] as const)(
  'a pass under way does not undo what is %s meanwhile',
  async (decision) => {
    await using world = await filled();
    encrypt(world);
    await world.reconcile();
    world.source.listing = async function* (pages) {
      yield* pages;
      world.source.heal();
      await decide(world, decision);
    };
    const report = await world.reconcile();
    expect(report).toMatchObject({ outcome: 'incomplete', reasons: [expect.stringContaining('a person decided')] });
    expect(await world.catalog.readPolicy('p')).toMatchObject({ hold: null });
    expect(await world.reconcile()).toMatchObject({ outcome: 'complete', held: 0 });
    expect(world.target('one').text('k7')).toBe(decision === 'released' ? 'encrypted 7' : 'old 7');
  },
);
