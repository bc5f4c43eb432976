import { expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import { compareKeys } from '../../../src/objects/key.ts';
import type { AuditProblem, VerifyReport } from '../../../src/replication/verify-report.ts';
import { verify, type VerifyOptions } from '../../../src/replication/verify.ts';
import type { Engine } from '../../../src/replication/worker.ts';
import { openWorld, type World } from '../../support/engine.ts';

interface Verified {
  readonly report: VerifyReport;
  /** `state key at provider`, sorted. */
  readonly named: readonly string[];
}

async function audit(
  world: World,
  options: Partial<VerifyOptions> = {},
  engine: Engine = world.engine,
): Promise<Verified> {
  const problems: AuditProblem[] = [];
  const onProblem = (problem: AuditProblem): void => void problems.push(problem);
  const all: VerifyOptions = { read: 1, onProgress: () => undefined, onProblem, ...options };
  const report = await verify(engine, world.policy, all, new AbortController().signal);
  return {
    report,
    named: problems.map(({ state, key, provider }) => `${state} ${key} at ${provider}`).toSorted(compareKeys),
  };
}

async function worldOfThree(): Promise<World> {
  const world = await openWorld();
  for (const key of ['a', 'b', 'c']) world.source.write(key, `bytes of ${key}`);
  await world.reconcile();
  world.forget();
  return world;
}

test('all right: every copy read once, the source too, nothing written, fresh evidence for all', async () => {
  await using world = await worldOfThree();
  const { report, named } = await audit(world);
  const none = { missing: 0, damaged: 0, unreadable: 0, unexpected: 0, changed: 0 };
  const source = { checked: 3, ok: 3, damaged: 0, unreadable: 0, changed: 0 };
  expect(report).toEqual({ policy: 'p', checked: 9, ok: 9, ...none, bytesRead: 120, source });
  expect(named).toEqual([]);
  expect(world.count('put', 'delete') + world.source.count('put', 'delete')).toBe(0);
  expect(await world.copy('b')).toMatchObject({ state: 'verified', evidence: { method: 'read' } });
});

test('the light audit reads nothing where the listing says what the catalog says', async () => {
  await using world = await worldOfThree();
  expect((await audit(world, { read: 0 })).report).toMatchObject({ checked: 9, ok: 9, bytesRead: 0 });
  expect(world.count('read', 'head') + world.source.count()).toBe(0);
});

test('what is wrong is named by its cause, noted for repair, and repaired', async () => {
  await using world = await worldOfThree();
  world.target('one').flip('a');
  world.target('two').bucket.objects.delete('b');
  world.target('three').write('c', 'somebody else');
  world.target('three').write('d', 'what is this?');
  world.source.flip('b');
  const { report, named } = await audit(world);
  expect(named).toEqual([
    'damaged a at one',
    'damaged b at source',
    'damaged c at three',
    'missing b at two',
    'unexpected d at three',
  ]);
  expect(report).toMatchObject({ checked: 9, ok: 6, missing: 1, damaged: 2, unexpected: 1, source: { damaged: 1 } });
  const problems = (await world.problems()).map(({ key, target, state }) => `${state} ${key} at ${target}`);
  expect(problems.toSorted(compareKeys)).toEqual(['damaged a at one', 'damaged b at two', 'damaged c at three']);
  expect(await world.reconcile()).toMatchObject({ repaired: 3 });
  expect((await audit(world)).named).toEqual(['damaged b at source', 'unexpected d at three']);
});

test('what cannot be read is not damaged', async () => {
  await using world = await worldOfThree();
  world.target('one').failWith('unavailable', 'read');
  world.target('two').failWith('denied', 'list');
  const { report } = await audit(world);
  expect(report).toMatchObject({ checked: 9, ok: 3, unreadable: 6, damaged: 0, missing: 0 });
  expect(await world.problems()).toEqual([]);
});

test('a listing that breaks off half-way makes what it did not show unreadable, not missing', async () => {
  await using world = await worldOfThree();
  const one = world.target('one');
  one.listing = async function* listing(pages) {
    for await (const page of pages) {
      yield { entries: page.entries.slice(0, 1) };
      throw one.error('unavailable');
    }
  };
  const { report, named } = await audit(world, { read: 0 });
  expect(report).toMatchObject({ checked: 9, ok: 7, unreadable: 2, missing: 0 });
  expect(named).toEqual(['unreadable b at one', 'unreadable c at one']);
});

test('what changes while it is looked at is not judged by what it was', async () => {
  await using world = await worldOfThree();
  const one = world.target('one');
  let changed = false;
  one.before = async ({ operation, key }) => {
    if (operation !== 'read' || key !== 'a' || changed) return;
    changed = true;
    one.heal();
    // A worker beside this has found it damaged, and is about to write it anew.
    const { id } = await world.object('a');
    one.bucket.objects.delete('a');
    await world.catalog.record('p', [{ kind: 'missing', id, target: 'one', asOf: world.clock.now() }]);
  };
  expect((await audit(world)).report).toMatchObject({ checked: 8, ok: 8, changed: 1, missing: 0 });
});

test('only the places and keys asked for', async () => {
  await using world = await worldOfThree();
  world.target('one').flip('a');
  world.target('two').flip('b');
  const { report, named } = await audit(world, { places: ['two'], prefix: 'b' });
  expect(named).toEqual(['damaged b at two']);
  expect(report).toMatchObject({ checked: 1, source: { checked: 0 } });
  expect(world.target('one').count()).toBe(0);
});

test('a sample reads about that share, and looks at the rest lightly', async () => {
  await using world = await openWorld();
  for (let index = 0; index < 100; index += 1) world.source.write(`k${index}`, 'bytes');
  await world.reconcile();
  world.forget();
  const { report } = await audit(world, { read: 0.2, places: ['one'] });
  expect(report).toMatchObject({ checked: 100, ok: 100 });
  expect(world.target('one').count('read')).toBeGreaterThan(2);
  expect(world.target('one').count('read')).toBeLessThan(50);
});

test('copies that were never made are missing; one of which nobody knows what it must be is unreadable', async () => {
  await using world = await worldOfThree();
  world.source.write('d', 'new');
  world.target('one').write('d', 'old');
  world.source.failWith('unavailable', 'read', 'head');
  await world.reconcile();
  world.source.heal();
  const { named } = await audit(world, { read: 0 });
  expect(named).toEqual(['missing d at three', 'missing d at two', 'unreadable d at one']);
});

test('a place that is gone for a moment makes its copies unreadable, not missing', async () => {
  await using world = await worldOfThree();
  world.target('one').failWith('not-found', 'head', 'read');
  world.target('two').failWith('not-found');
  const { report } = await audit(world);
  expect(report).toMatchObject({ checked: 9, ok: 3, unreadable: 6, missing: 0 });
  expect(await world.problems()).toEqual([]);
});

test('a copy that is younger than the listing is not missing', async () => {
  await using world = await worldOfThree();
  const listed = Promise.withResolvers<undefined>();
  world.target('one').listing = async function* listing(pages) {
    const all = await Array.fromAsync(pages);
    listed.resolve(undefined);
    yield* all;
  };
  const scan: Catalog['scan'] = async function* scan(policy, options) {
    await listed.promise;
    world.target('one').heal();
    world.source.write('d', 'new');
    await world.reconcile();
    yield* world.catalog.scan(policy, options);
  };
  const { report, named } = await auditBeside(world, scan);
  expect(named).toEqual([]);
  expect(report).toMatchObject({ checked: 4, ok: 4, missing: 0 });
});

test('a copy that is younger than the page of the catalog is not unexpected', async () => {
  await using world = await worldOfThree();
  const scanned = Promise.withResolvers<undefined>();
  world.target('one').listing = async function* listing(pages) {
    await scanned.promise;
    yield* pages;
  };
  const scan: Catalog['scan'] = async function* scan(policy, options) {
    const all = await Array.fromAsync(world.catalog.scan(policy, options));
    world.source.write('d', 'new');
    const { listing } = world.target('one');
    world.target('one').heal();
    await world.reconcile();
    world.target('one').listing = listing;
    scanned.resolve(undefined);
    yield* all;
  };
  const { report, named } = await auditBeside(world, scan);
  expect(named).toEqual([]);
  expect(report).toMatchObject({ checked: 3, ok: 3, unexpected: 0, changed: 1 });
});

/** Lightly, at one target, with a catalog whose scan does more than reading. */
async function auditBeside(world: World, scan: Catalog['scan']): Promise<Verified> {
  const catalog = new Proxy(world.catalog, {
    get: (real, name) => {
      if (name === 'scan') return scan;
      const value: unknown = Reflect.get(real, name);
      return typeof value === 'function' ? (value.bind(real) as unknown) : value;
    },
  });
  return await audit(world, { read: 0, places: ['one'] }, { ...world.engine, catalog });
}

test('evidence that was read gives way to nothing weaker: rot that a stored checksum hides is found by a light audit', async () => {
  await using world = await openWorld({ targets: { one: {} }, policy: { minCopies: 1 } });
  world.source.write('a', 'first');
  await world.reconcile();
  await world.reconcile({ deep: true });
  expect(await world.copy('a')).toMatchObject({ evidence: { method: 'read' } });
  const { bucket } = world.target('one');
  const stored = bucket.objects.get('a');
  if (stored === undefined) throw new Error('the target lost it');
  world.target('one').flip('a');
  // Another version with the checksums of the old one.
  bucket.write('a', stored);
  expect((await audit(world, { read: 0 })).named).toEqual(['damaged a at one']);
  expect(await world.copy('a')).toMatchObject({ state: 'damaged', evidence: { method: 'read' } });
});
