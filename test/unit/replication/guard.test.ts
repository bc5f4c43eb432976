import { describe, expect, test, vi } from 'vitest';
import type { Hold } from '../../../src/catalog/holds.ts';
import { judge, type Preflight } from '../../../src/replication/guard.ts';
import { decideHold } from '../../../src/replication/hold.ts';
import { openWorld, type World } from '../../support/engine.ts';

const limits = { maxChanged: 0.1, minObjects: 100 };
const quiet: Preflight = {
  ...{ listed: 2000, known: 2000, knownInAll: 2000, catalogued: 2100, overwritten: 0, vanished: 0, undecided: 0 },
  contested: 0,
  ...{ sample: ['a'], sourceIdentity: 'bucket' },
};
const denied = { code: 'denied', message: 'denied' } as const;
const hold: Hold = { since: 5, reasons: ['held'], overwritten: 300, vanished: 0, known: 2000, sample: [] };

describe('judge', () => {
  test.each<[string, Partial<Preflight>, string | null]>([
    ['nothing changed', {}, null],
    ['nothing was known', { known: 0, listed: 0 }, null],
    ['the source is empty', { listed: 0, vanished: 50 }, 'is empty where 2000'],
    ['the source is empty, one object was known', { listed: 0, known: 1, vanished: 1 }, 'is empty where 1'],
    ['the listing failed', { listingFailed: denied, listed: 0 }, 'to its end: denied'],
    ['the listing failed and nothing was known', { listingFailed: denied, listed: 0, known: 0 }, null],
    ['another source', { sourceIdentity: 'other' }, 'not the one it was: other'],
    ['another source, nothing known', { sourceIdentity: 'other', known: 0, catalogued: 0, listed: 9 }, null],
    ['another prefix, below which nothing was known', { sourceIdentity: 'other', known: 0 }, 'not the one it was'],
    ['a source that was not reached', { sourceIdentity: undefined, listingFailed: denied, listed: 0 }, 'to its end'],
    ['exactly the share', { overwritten: 200 }, null],
    ['one more than the share', { overwritten: 201 }, '10.1 % of 2000'],
    ['both kinds count together', { overwritten: 101, vanished: 100 }, '100 objects vanished and 101'],
    ['the share of a small set, below minObjects', { known: 100, knownInAll: 100, overwritten: 99 }, null],
    ['all of a small set', { known: 9, knownInAll: 9, overwritten: 8, vanished: 1 }, 'everything that was known'],
    ['all of a very small set', { known: 4, knownInAll: 4, overwritten: 4 }, null],
    ['all below a prefix', { known: 9, overwritten: 9 }, null],
    ['gone objects that are all back as others', { known: 0, knownInAll: 0, overwritten: 9 }, 'everything'],
    ['the share of a small set, at minObjects', { known: 100, overwritten: 100 }, '100.0 %'],
    [
      'one that was rejected changed once more',
      { overwritten: 1, contested: 1 },
      '1 objects whose change was rejected',
    ],
    ['changes that only another process saw', { undecided: 201 }, 'more than guard.maxChanged'],
  ])('%s', (_, change, reason) => {
    const verdict = judge({ ...quiet, ...change }, { sourceIdentity: 'bucket', hold: null }, limits, 77);
    if (reason === null) expect(verdict).toBeUndefined();
    else expect(verdict).toMatchObject({ since: 77, reasons: [expect.stringContaining(reason)], sample: ['a'] });
  });

  test('where everything may change, all of a small set may', () => {
    const all = { ...quiet, known: 9, knownInAll: 9, overwritten: 9 };
    expect(judge(all, { sourceIdentity: 'bucket', hold: null }, { ...limits, maxChanged: 1 }, 77)).toBeUndefined();
  });

  test('a hold says which source it met and whether it saw all of it', () => {
    const seen = { ...quiet, sourceIdentity: 'other', listingFailed: denied };
    const verdict = judge(seen, { sourceIdentity: 'bucket', hold: null }, limits, 77);
    expect(verdict).toMatchObject({ sourceIdentity: 'other', listingFailed: true, reasons: { length: 2 } });
    const plain = judge({ ...quiet, overwritten: 201 }, { sourceIdentity: 'bucket', hold: null }, limits, 77);
    expect(Object.keys(plain ?? {})).toEqual([
      'since',
      'reasons',
      'openReasons',
      'overwritten',
      'vanished',
      'known',
      'sample',
    ]);
  });

  test('a hold is not worn away by what is new since', () => {
    const grown = { ...quiet, known: 9000, knownInAll: 9000, overwritten: 201 };
    const state = { sourceIdentity: 'bucket', hold: null };
    expect(judge(grown, state, limits, 77)).toBeUndefined();
    expect(judge(grown, { ...state, hold }, limits, 77)).toMatchObject({ known: 2000, reasons: [expect.any(String)] });
    const small = { ...quiet, known: 900, knownInAll: 900, overwritten: 9 };
    expect(judge(small, { ...state, hold: { ...hold, known: 9 } }, limits, 77)?.reasons[0]).toContain('everything');
  });

  test('a hold goes on from when it began', () => {
    expect(judge({ ...quiet, overwritten: 201 }, { sourceIdentity: 'bucket', hold }, limits, 77)?.since).toBe(5);
  });
});

const strict = { policy: { guard: { maxChanged: 0.1, minObjects: 5 } } };

async function many(world: World): Promise<void> {
  for (let n = 0; n < 20; n += 1) world.source.write(`k${n}`, `old ${n}`);
  await world.reconcile();
}

function overwriteAll(world: World): void {
  for (let n = 0; n < 20; n += 1) world.source.write(`k${n}`, `encrypted ${n}`);
}

async function release(world: World): Promise<void> {
  expect(await decideHold(world.catalog, world.policy, 'released', 'me')).toMatchObject({ outcome: 'released' });
}

test('a mass overwrite is held, new objects flow, and a release lets it through', async () => {
  await using world = await openWorld(strict);
  await many(world);
  overwriteAll(world);
  world.source.write('new', 'flows');
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 20, copied: 3, objects: 21 });
  expect(world.target('one').text('k7')).toBe('old 7');
  expect(world.target('one').text('new')).toBe('flows');
  const { hold: held } = await world.catalog.readPolicy('p');
  expect(held).toMatchObject({ overwritten: 20, vanished: 0 });
  expect(held?.sample).toHaveLength(10);
  // Looking again, at all or at a part, changes nothing.
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 20, copied: 0 });
  expect(await world.reconcile({ prefix: 'k1' })).toMatchObject({ outcome: 'held', copied: 0 });
  await release(world);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', held: 0, copied: 60 });
  expect(world.target('three').text('k7')).toBe('encrypted 7');
  expect(await world.catalog.readPolicy('p')).toMatchObject({ hold: null });
});

test('an emptied source is held; every copy stays, and it may come back', async () => {
  await using world = await openWorld();
  world.source.write('a', 'x');
  await world.reconcile();
  world.source.bucket.objects.clear();
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 1 });
  expect(await world.object('a')).toMatchObject({ state: 'present', observed: { kind: 'vanished' } });
  expect(world.target('one').text('a')).toBe('x');
  world.source.write('a', 'x');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
});

test('another source under the same policy is held until a person says so', async () => {
  await using world = await openWorld();
  for (const key of ['a', 'b']) world.source.write(key, key);
  await world.reconcile();
  world.policy = { ...world.policy, sourceIdentity: 'another bucket' };
  world.source.write('a', 'of the other bucket');
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 1 });
  expect(world.target('one').text('a')).toBe('a');
  await release(world);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3 });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0 });
});

test('what another process noted and has not judged is not let through unseen', async () => {
  await using world = await openWorld(strict);
  await many(world);
  // The other process lists the overwritten source while this one has listed the old one already.
  const old = new Map(world.source.bucket.objects);
  world.source.listing = async function* (pages) {
    yield* pages;
    const entries = await Promise.all([...old.keys()].map(async (key) => await world.object(key)));
    const asOf = world.clock.now();
    await world.catalog.record(
      'p',
      entries.map(({ id }) => ({
        ...{ kind: 'overwritten', id, asOf },
        object: { version: 'mass', size: 1, modifiedAt: 1 },
      })),
    );
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 20 });
  expect(await world.object('k3')).toMatchObject({ observed: { kind: 'overwritten', version: 'mass' } });
});

test('what another process notes while this one decides is left for the next pass', async () => {
  await using world = await openWorld(strict);
  world.source.write('late', 'as it was');
  await many(world);
  world.source.write('k7', 'new 7');
  const before = await world.catalog.readPolicy('p');
  const { id } = await world.object('late');
  const counts = world.catalog.counts.bind(world.catalog);
  vi.spyOn(world.catalog, 'counts').mockImplementationOnce(async (...asked) => {
    const judged = await counts(...asked);
    const asOf = world.clock.now() + 1;
    const object = { version: 'unjudged', size: 1, modifiedAt: 1 };
    await world.catalog.record('p', [{ kind: 'overwritten', id, object, asOf }]);
    return judged;
  });
  const report = await world.reconcile();
  expect(report).toMatchObject({ outcome: 'incomplete', copied: 0, reasons: [expect.stringContaining('next pass')] });
  expect(world.target('one').text('k7')).toBe('old 7');
  expect(await world.catalog.readPolicy('p')).toMatchObject({ lastCompletePassAt: before.lastCompletePassAt });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3 });
  expect(world.target('one').text('k7')).toBe('new 7');
});

test('objects that another process found meanwhile do not count as vanished', async () => {
  await using world = await openWorld({ policy: { guard: { maxChanged: 0, minObjects: 0 } } });
  world.source.write('a', 'x');
  world.target('two').failWith('unavailable', 'connect');
  await world.reconcile();
  // After the pass began, and before it looks into the catalog.
  world.target('two').before = async ({ operation }) => {
    if (operation !== 'connect') return;
    const found = Array.from({ length: 9 }, (_, n) => ({
      ...{ kind: 'new' as const, key: `z${n}`, found: {} },
      object: { version: 'v', size: 1, modifiedAt: 1 },
    }));
    await world.catalog.record('p', found);
  };
  // The worker does not find them at the source, and nothing of them was copied: they are forgotten.
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', objects: 1 });
  expect(await world.catalog.readPolicy('p')).toMatchObject({ hold: null });
});

test('a look at a part of the keys is no look at all of them', async () => {
  await using world = await openWorld();
  for (const key of ['a/1', 'b/1']) world.source.write(key, key);
  await world.reconcile();
  const before = await world.catalog.readPolicy('p');
  await world.reconcile({ prefix: 'a/' });
  const after = await world.catalog.readPolicy('p');
  expect(after.lastPass).toEqual(before.lastPass);
  expect(after.lastCompletePassAt).toBe(before.lastCompletePassAt);
});
