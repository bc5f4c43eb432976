import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/open.ts';
import { Bench, policy, policyRow, targets } from '../../contract/catalog/fixture.ts';
import { History, anyStep } from '../../contract/catalog/random.ts';
import { printedSeed } from '../../support/seed.ts';
import { temporaryCatalog } from './temporary-catalog.ts';

interface StoredObject {
  readonly id: number;
  readonly size: number;
  readonly modified_at: number;
  readonly state: string;
  readonly source_damaged_at: number | null;
  readonly damaged_version: string | null;
  readonly observed_kind: string | null;
  readonly observed_version: string | null;
  readonly observed_size: number | null;
  readonly observed_modified_at: number | null;
  readonly rejected_kind: string | null;
}

interface StoredCopy {
  readonly object_id: number;
  readonly name: string;
  readonly state: string;
}

test('after any history, what is tallied is what a recount of every row finds', async () => {
  const steps = fc.array(anyStep, { minLength: 20, maxLength: 80 });
  const histories = fc.asyncProperty(steps, async (all) => {
    await using place = await temporaryCatalog();
    await using bench = await Bench.create(async () => ({
      open: (clock) => openSqliteCatalog({ path: place.path, clock }),
      [Symbol.asyncDispose]: async () => undefined,
    }));
    using db = new DatabaseSync(place.path, { readOnly: true });
    const history = new History(bench);
    for (const step of all) {
      await history.take(step);
      if (step.n % 5 === 0) await deleteGone(bench, step.n);
      if (step.n % 13 === 0) await changeTargets(bench, step.n);
      await expectRecount(bench, db, step.n);
    }
  });
  await fc.assert(histories, { seed: printedSeed('tallies'), numRuns: 12 });
});

/** What a daemon does where deletes are propagated. */
async function deleteGone({ catalog }: Bench, n: number): Promise<void> {
  const request = { owner: 'me', policy, targets, until: Infinity, limit: 2, leaseMs: 10 };
  for (const { objectId, token, object } of await catalog.claimGone(request)) {
    const some = object.copies.filter((_, index) => (n + index) % 3 !== 0);
    const copies = some.map(({ target, version }) => ({ target, outcome: 'deleted' as const, version, detail: '' }));
    await catalog.settleDeletions([{ objectId, token, copies }]);
  }
}

async function changeTargets({ catalog }: Bench, n: number): Promise<void> {
  const fewer = targets.filter((_, index) => (n >> index) % 2 === 0);
  await catalog.syncPolicies([{ ...policyRow, targets: fewer.length === 0 ? targets : fewer }], { forget: true });
  await catalog.syncPolicies([policyRow], { forget: true });
}

async function expectRecount({ catalog }: Bench, db: DatabaseSync, n: number): Promise<void> {
  expect(db.prepare('select count(*) as n from untallied').get()).toMatchObject({ n: 0 });
  const places = ['primary', ...targets];
  const some = places.filter((_, index) => (n >> index) % 2 === 0);
  expect(await catalog.lossOf(policy, some)).toMatchObject(recount(db, some));
  const alone = places.map((place) => [place, recount(db, [place]).objects]);
  expect((await catalog.counts(policy)).atRisk).toEqual(Object.fromEntries(alone));
}

interface Content {
  readonly bytes: number;
  readonly at: number;
}

function recount(db: DatabaseSync, lost: readonly string[]) {
  const copies = db
    .prepare('select c.object_id, t.name, c.state from copies c join targets t on t.id = c.target_id')
    .all();
  const left: Record<number, number> = {};
  const contents: Content[] = [];
  let objects = 0;
  let belowMinCopies = 0;
  for (const object of db.prepare('select * from objects').all() as unknown as StoredObject[]) {
    const all = (copies as unknown as StoredCopy[]).filter((copy) => copy.object_id === object.id);
    const good = all.filter(({ state }) => state === 'verified').map(({ name }) => name);
    const after = good.filter((name) => !lost.includes(name));
    const source = isAtSource(object);
    const gone: Content[] = [];
    const had = good.length > 0 || source;
    const has = after.length > 0 || (source && !lost.includes('primary'));
    if (had && !has) gone.push({ bytes: object.size, at: object.modified_at });
    if (lost.includes('primary')) gone.push(...undecided(object));
    contents.push(...gone);
    if (gone.length > 0) objects += 1;
    else if (has) {
      left[after.length] = (left[after.length] ?? 0) + 1;
      if (object.state === 'present' && after.length < policyRow.minCopies) belowMinCopies += 1;
    }
  }
  const times = contents.map(({ at }) => at);
  return {
    ...{ objects, left, belowMinCopies, bytes: contents.reduce((sum, { bytes }) => sum + bytes, 0) },
    newestAt: times.length === 0 ? null : Math.max(...times),
    oldestAt: times.length === 0 ? null : Math.min(...times),
  };
}

function isAtSource(object: StoredObject): boolean {
  const { state, observed_kind: observed, rejected_kind: rejected, source_damaged_at: damaged } = object;
  return state === 'present' && observed === null && rejected === null && damaged === null;
}

function undecided(object: StoredObject): readonly Content[] {
  if (object.observed_kind !== 'overwritten') return [];
  if (object.source_damaged_at !== null && object.damaged_version === object.observed_version) return [];
  return [{ bytes: object.observed_size ?? NaN, at: object.observed_modified_at ?? NaN }];
}

test('what an earlier program or another one left untallied is tallied when the catalog is opened', async () => {
  await using place = await temporaryCatalog();
  await using bench = await Bench.create(async () => ({
    open: (clock) => openSqliteCatalog({ path: place.path, clock }),
    [Symbol.asyncDispose]: async () => undefined,
  }));
  await bench.addVerified('a');
  {
    using db = new DatabaseSync(place.path);
    db.exec('delete from tallies; delete from tallied; insert into untallied select id from objects');
  }
  expect(await (await bench.another()).counts(policy)).toMatchObject({ objects: 1, safe: 1, bytes: 10 });
});
