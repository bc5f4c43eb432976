import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareKeys } from '../../../src/objects/key.ts';
import { noAttributes } from '../../../src/objects/object.ts';
import { rebuild } from '../../../src/replication/rebuild.ts';
import { isConsistent, type RebuildProblem, type RebuildReport } from '../../../src/replication/rebuild-report.ts';
import { digestOf } from '../../support/digest.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import { hide, type Place } from '../../support/place.ts';

/** Nothing is attested: only reading tells. */
const mute = { capabilities: { attests: {}, wants: { put: [], part: [], upload: [] } } };
const mutes = { one: mute, two: mute };

const keys = Array.from({ length: 120 }, (_, index) => `k${index}`);

async function worldWithout(of: readonly string[], options: WorldOptions = {}): Promise<World> {
  const world = await openWorld(options);
  for (const key of of) world.source.write(key, `bytes of ${key}`);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
  await world.loseCatalog();
  world.forget();
  return world;
}

interface Rebuilt {
  readonly report: RebuildReport;
  readonly problems: readonly RebuildProblem[];
}

async function rebuilt(world: World, deep = false): Promise<Rebuilt> {
  const problems: RebuildProblem[] = [];
  const options = {
    deep,
    onProblem: (problem: RebuildProblem) => void problems.push(problem),
    onProgress: () => undefined,
  };
  const report = await rebuild(world.engine, world.policy, options, new AbortController().signal);
  return { report, problems };
}

function untouched(world: World, of: readonly string[]): number {
  return world.targets.flatMap((place) => of.filter((key) => place.text(key) === `bytes of ${key}`)).length;
}

/** A copy that says it is this version of the key, and is. */
async function put(place: Place, key: string, text: string, version: string, modifiedAt: number): Promise<void> {
  const bytes = Buffer.from(text);
  const digest = await digestOf(bytes);
  const record = { sha256: digest.sha256, size: bytes.length, sourceVersion: version, sourceModifiedAt: modifiedAt };
  place.bucket.write(key, {
    ...{ bytes, modifiedAt, attributes: noAttributes, record: { ...record, checksums: digest } },
    checksums: { crc32c: digest.crc32c },
  });
}

/** As if the source were not there any more. */
function loseSource(world: World): void {
  world.source.failWith('unavailable');
}

test('what providers attest is evidence again, unread; the next pass finds all in place', async () => {
  await using world = await worldWithout(keys);
  const { report, problems } = await rebuilt(world);
  expect(report).toMatchObject({ objects: 120, verified: 360, unproven: 0, bytesRead: 0 });
  expect([isConsistent(report), problems]).toEqual([true, []]);
  expect(await world.copy('k7')).toMatchObject({ evidence: { method: 'attested', by: 'crc32c' }, recorded: true });
  expect(world.source.count()).toBe(0);
  expect(world.count('put', 'delete', 'read')).toBe(0);
  const after = await world.reconcile();
  expect(after).toMatchObject({ outcome: 'complete', copied: 0, repaired: 0, inPlace: 360, bytesCopied: 0 });
  expect(world.source.bytesRead).toBe(0);
});

test('what is only claimed is not verified, and its digest not believed, until it was read', async () => {
  await using world = await worldWithout(['a'], { targets: mutes });
  expect((await rebuilt(world)).report).toMatchObject({ verified: 0, unproven: 2 });
  expect(await world.object('a')).toMatchObject({ sha256: null });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0, inPlace: 2 });
  expect(await world.copy('a')).toMatchObject({ state: 'verified', evidence: { method: 'read' } });
  expect(world.source.bytesRead).toBe(0);
});

test('a policy that wants copies read does not take what is attested', async () => {
  await using world = await worldWithout(['a'], { policy: { onCopy: 'read' } });
  expect((await rebuilt(world)).report).toMatchObject({ verified: 0, unproven: 3 });
  await world.loseCatalog();
  expect((await rebuilt(world, true)).report).toMatchObject({ verified: 3, unproven: 0 });
});

test.each([
  ['attesting', {}],
  ['mute', { targets: mutes }],
] as const)(
  'a source that was encrypted while the catalog was lost is held after a rebuild, from %s targets',
  async (_, options) => {
    await using world = await worldWithout(keys, options);
    for (const key of keys) world.source.write(key, `BYTES OF ${key}`);
    await rebuilt(world);
    await world.reconcile();
    expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 120, copied: 0, repaired: 0 });
    expect(untouched(world, keys)).toBe(keys.length * world.targets.length);
  },
);

test('a source that is empty after a rebuild is held', async () => {
  await using world = await worldWithout(keys);
  world.source.bucket.objects.clear();
  await rebuilt(world);
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', copied: 0, deleted: 0 });
  expect(untouched(world, keys)).toBe(360);
});

test('copies that contradict each other decide nothing, whatever the majority; the source does', async () => {
  await using world = await worldWithout(['a', 'b']);
  const { version = '' } = world.source.bucket.objects.get('a') ?? {};
  await put(world.target('two'), 'a', 'BYTES of a', version, world.source.bucket.objects.get('a')?.modifiedAt ?? 0);
  const { report, problems } = await rebuilt(world);
  expect(report).toMatchObject({ objects: 2, verified: 3, unproven: 3, disagreements: 1 });
  expect(problems).toEqual([expect.objectContaining({ key: 'a', provider: null, state: 'disagreement' })]);
  expect(await world.object('a')).toMatchObject({ sha256: null });
  loseSource(world);
  await world.reconcile();
  expect(world.targets.map((place) => place.text('a'))).toEqual(['bytes of a', 'BYTES of a', 'bytes of a']);
  world.source.heal();
  for (const _ of [1, 2]) await world.reconcile();
  expect(world.targets.map((place) => place.text('a'))).toEqual(Array(3).fill('bytes of a'));
});

test('two versions that were made at the same moment: nothing says which one is the newer', async () => {
  await using world = await worldWithout(['a'], { targets: { one: {}, two: {} } });
  await put(world.target('one'), 'a', 'this', 'v1', 5000);
  await put(world.target('two'), 'a', 'that', 'v2', 5000.25);
  expect((await rebuilt(world)).report).toMatchObject({ verified: 0, unproven: 2, disagreements: 1 });
});

test('the newest version counts; a copy of an older one waits, naming what stands there', async () => {
  await using world = await worldWithout(['a'], { targets: { one: {}, two: {} } });
  await put(world.target('one'), 'a', 'older', 'v1', 1000);
  await put(world.target('two'), 'a', 'newer bytes', 'v2', 2000);
  const { report, problems } = await rebuilt(world);
  expect(report).toMatchObject({ objects: 1, verified: 1, unproven: 0, older: 1, disagreements: 0 });
  expect(problems).toEqual([expect.objectContaining({ key: 'a', provider: 'one', state: 'older' })]);
  const standing = world.target('one').bucket.objects.get('a')?.version;
  expect(await world.copy('a')).toMatchObject({ state: 'pending', version: standing });
  expect(await world.object('a')).toMatchObject({ version: 'v2', modifiedAt: 2000 });
  loseSource(world);
  // Which of two is the newer one no record tells for sure: the source is waited for.
  await world.reconcile();
  expect(world.targets.map((place) => place.text('a'))).toEqual(['older', 'newer bytes']);
  expect(await world.copy('a')).toMatchObject({
    error: { message: expect.stringContaining('until the source answers') as string },
  });
});

test.each(['put', 'another put'])(
  'a target that did not answer may hold the only copy of a newer version: it is not replaced without the source (%s)',
  async (how) => {
    await using world = await worldWithout(['a'], { targets: { one: {}, two: {}, three: {} } });
    for (const name of ['one', 'three']) await put(world.target(name), 'a', 'older', 'v1', 1000);
    await put(world.target('two'), 'a', 'newer bytes', 'v2', 2000);
    world.target('two').failWith('unavailable');
    const { report } = await rebuilt(world);
    expect(report).toMatchObject({ verified: 2, unreached: ['two'] });
    expect(isConsistent(report)).toBe(false);
    expect(await world.copy('a', 'two')).toMatchObject({ state: 'pending', version: null });
    world.target('two').heal();
    loseSource(world);
    for (const _ of [1, 2, 3]) await world.reconcile();
    expect(world.target('two').text('a')).toBe('newer bytes');
    expect(await world.copy('a', 'two')).toMatchObject({
      error: { message: expect.stringContaining('newer than v1') as string },
    });
    if (how === 'put') return;
    // Once it is heard, it is one against two.
    const again = await rebuilt(world);
    expect(again.report).toMatchObject({ objects: 1, disagreements: 1 });
    for (const _ of [1, 2]) await world.reconcile();
    expect(world.targets.map((place) => place.text('a'))).toEqual(['older', 'newer bytes', 'older']);
  },
);

test('a source that has the older version is believed', async () => {
  await using world = await worldWithout(['a']);
  const { version = '', modifiedAt = 0 } = world.source.bucket.objects.get('a') ?? {};
  for (const name of ['one', 'three']) await put(world.target(name), 'a', 'bytes of a', version, modifiedAt);
  await put(world.target('two'), 'a', 'newer bytes', 'v2', modifiedAt + 5000);
  world.target('two').failWith('unavailable');
  await rebuilt(world);
  world.target('two').heal();
  for (const _ of [1, 2, 3]) await world.reconcile();
  expect(untouched(world, ['a'])).toBe(3);
});

test('a listing that breaks off, a copy that cannot be asked, and things nobody knows are named', async () => {
  await using world = await worldWithout(['a', 'b', 'c'], { targets: { one: { pageSize: 1 }, two: {} } });
  world.target('two').write('stray', 'x');
  world.target('two').before = ({ operation, key }) => {
    if (operation === 'head' && key === 'b') throw world.target('two').error('throttled', key);
  };
  world.target('one').listing = async function* (pages) {
    let left = 2;
    for await (const page of pages) {
      if (left === 0) throw world.target('one').error('unavailable');
      left -= 1;
      yield page;
    }
  };
  const { report, problems } = await rebuilt(world);
  expect(report).toMatchObject({
    objects: 3,
    verified: 4,
    unproven: 1,
    unrecorded: 1,
    unreadable: 1,
    unreached: ['one'],
  });
  const named = problems
    .map(({ key, provider, state }) => `${key ?? ''} ${provider ?? ''} ${state}`)
    .toSorted(compareKeys);
  expect(named).toEqual([' one unreached', 'b two unreadable', 'stray two unrecorded']);
  world.target('two').heal();
  world.target('one').heal();
  expect(await world.reconcile()).toMatchObject({ copied: 0, repaired: 0, inPlace: 6 });
});

test('attributes that differ are named; the bytes are verified all the same', async () => {
  await using world = await worldWithout(['a'], { targets: { one: {}, two: {} } });
  const stored = world.target('two').bucket.objects.get('a');
  if (stored === undefined) throw new Error('it was just copied');
  world.target('two').bucket.objects.set('a', { ...stored, attributes: { contentType: 'text/html', metadata: {} } });
  const { report, problems } = await rebuilt(world);
  expect(report).toMatchObject({ verified: 2, disagreements: 1 });
  expect(problems[0]?.message).toContain('contentType is another one');
});

test('--deep finds what rotted; it is repaired from a copy that was read, without a source', async () => {
  await using world = await worldWithout(['a', 'b']);
  world.target('one').flip('a');
  const { report, problems } = await rebuilt(world, true);
  expect(report).toMatchObject({ verified: 5, damaged: 1, disagreements: 0 });
  expect(problems).toEqual([expect.objectContaining({ key: 'a', provider: 'one', state: 'damaged' })]);
  expect(await world.copy('a', 'two')).toMatchObject({ evidence: { method: 'read' } });
  loseSource(world);
  await world.reconcile();
  expect(untouched(world, ['a', 'b'])).toBe(6);
});

test('all that is left is damaged: it is left as it is', async () => {
  await using world = await worldWithout(['a'], { targets: { one: {} } });
  world.target('one').flip('a');
  const before = world.target('one').text('a');
  expect((await rebuilt(world, true)).report).toMatchObject({ objects: 1, verified: 0, damaged: 1 });
  expect(await world.object('a')).toMatchObject({ sha256: null });
  loseSource(world);
  for (const _ of [1, 2]) await world.reconcile();
  expect(world.target('one').text('a')).toBe(before);
});

test('a second rebuild, over what is known, asks nothing where the listings say the same', async () => {
  await using world = await worldWithout(keys);
  await rebuilt(world);
  world.forget();
  expect((await rebuilt(world)).report).toMatchObject({ objects: 120, fromSnapshot: 120, verified: 360 });
  expect(world.count('head', 'read')).toBe(0);
});

test('what is kept of replaced versions is known again, and goes when its time is over', async () => {
  const history = 30 * 24 * 3_600_000;
  await using world = await worldWithout([], { targets: { one: {}, two: {} }, policy: { history } });
  world.source.write('a', 'first');
  await world.reconcile();
  world.source.write('a', 'second');
  await world.reconcile();
  const before = await world.catalog.keptOf('p', 'a');
  expect(before.length).toBe(2);
  await world.loseCatalog();
  expect((await rebuilt(world)).report).toMatchObject({ objects: 1, verified: 2, kept: 2 });
  const after = await world.catalog.keptOf('p', 'a');
  expect(after).toMatchObject(
    before.map(({ target, place, sha256 }) => ({ target, place, sha256, evidence: { sha256 } })),
  );
  for (const { replacedAt, expiresAt } of after) expect(expiresAt - replacedAt).toBe(history);
  expect((await rebuilt(world)).report).toMatchObject({ fromSnapshot: 1, kept: 2 });
  // Age deletes nothing unless the passes before fit together.
  for (let day = 0; day <= 30; day += 1) {
    await world.reconcile();
    world.clock.advance(24 * 3_600_000);
  }
  await world.reconcile();
  expect(world.targets.flatMap((place) => place.keys())).toEqual(['a', 'a']);
});

const passing = { policy: { guard: { maxChanged: 1, minObjects: 1000 } } };
const strict = { policy: { guard: { maxChanged: 0.1, minObjects: 0 } } };

/** At the source, at a moment of its choice. */
function write(world: World, key: string, text: string, modifiedAt: number): void {
  world.source.bucket.write(key, { ...world.source.write(key, text), modifiedAt });
}

async function snapshotOf(world: World): Promise<string> {
  const path = join(world.directory, 'snapshot.db');
  await world.catalog.copyTo(path);
  return path;
}

async function later(world: World): Promise<void> {
  for (const _ of [1, 2]) {
    world.clock.advance(3_600_000);
    await world.reconcile();
  }
}

const ten = keys.slice(0, 10);

test.each([
  ['lives', 'a snapshot'],
  ['lives', 'no snapshot'],
  ['is lost', 'a snapshot'],
  ['is lost', 'no snapshot'],
])('what one target forged replaces no copy at the others (the source %s, %s)', async (source, snapshot) => {
  await using world = await openWorld(strict);
  for (const key of ten) write(world, key, `bytes of ${key}`, 1000);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
  if (snapshot === 'a snapshot') await world.backTo(await snapshotOf(world));
  else await world.loseCatalog();
  for (const key of ten) await put(world.target('one'), key, `ENCRYPTED ${key}`, 'v999', 5000);
  if (source === 'is lost') loseSource(world);
  const { report } = await rebuilt(world);
  expect([report, isConsistent(report)]).toMatchObject([{ objects: 10, disagreements: 10 }, false]);
  await later(world);
  const found = world.targets.map((place) => place.text('k1'));
  const first = source === 'lives' ? 'bytes of k1' : 'ENCRYPTED k1';
  expect(found).toEqual([first, 'bytes of k1', 'bytes of k1']);
  if (source === 'is lost')
    expect(await world.copy('k1')).toMatchObject({ error: { code: expect.any(String) as string } });
});

test.each(['a snapshot', 'no snapshot'])(
  'a source that put an older file in the place of another: what two have of it is not replaced by what one still has (%s)',
  async (snapshot) => {
    await using world = await openWorld(passing);
    write(world, 'a', 'version 1', 1000);
    expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
    const copy = await snapshotOf(world);
    world.target('three').failWith('unavailable');
    write(world, 'a', 'VERSION 2', 500);
    await world.reconcile();
    world.target('three').heal();
    if (snapshot === 'a snapshot') await world.backTo(copy);
    else await world.loseCatalog();
    loseSource(world);
    expect(isConsistent((await rebuilt(world)).report)).toBe(false);
    await later(world);
    expect(world.targets.map((place) => place.text('a'))).toEqual(['VERSION 2', 'VERSION 2', 'version 1']);
    world.source.heal();
    await later(world);
    await later(world);
    expect(world.targets.map((place) => place.text('a'))).toEqual(['VERSION 2', 'VERSION 2', 'VERSION 2']);
  },
);

test('what stands at a target and is no object is named: it may stand for many', async () => {
  await using world = await worldWithout(['a', 'b']);
  hide(world.target('one'), 'tree', 'it is a symbolic link');
  const { report, problems } = await rebuilt(world);
  expect([report, isConsistent(report)]).toMatchObject([{ objects: 2, unrecorded: 1 }, false]);
  expect(problems).toMatchObject([{ key: 'tree', provider: 'one', state: 'unrecorded' }]);
});
