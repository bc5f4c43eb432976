import { expect, test } from 'vitest';
import type { Loss } from '../../../src/catalog/losses.ts';
import type { ObjectRow } from '../../../src/catalog/rows.ts';
import {
  Bench,
  learnt,
  otherSha256,
  policy,
  policyRow,
  settlement,
  targets,
  unavailable,
  verified,
  version,
} from './fixture.ts';
import type { CreateStore } from './fixture.ts';

const nothing = { objects: 0, bytes: 0, newestAt: null, oldestAt: null };
const everything = ['primary', ...targets];

export function lossCases(create: CreateStore): void {
  test('nothing known, nothing lost', async () => {
    await using bench = await Bench.create(create);
    const loss = { ...nothing, left: {}, belowMinCopies: 0, lacking: { copies: 0, bytes: 0 } };
    expect(await bench.catalog.lossOf(policy, everything)).toEqual(loss);
    await expect(bench.catalog.lossOf('nobody', ['aws'])).rejects.toMatchObject({ name: 'UsageError' });
  });

  test('present everywhere: lost with all places together only', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('a');
    expect(await lossOf(bench, 'primary', 'aws', 'gcp')).toMatchObject({ ...nothing, left: { 1: 1 } });
    expect(await lossOf(bench, ...targets)).toMatchObject({ ...nothing, left: { 0: 1 } });
    const at = version('v1').modifiedAt;
    const all = { objects: 1, bytes: 10, newestAt: at, oldestAt: at, left: {}, belowMinCopies: 0 };
    expect(await lossOf(bench, ...everything)).toMatchObject(all);
    expect(await lossOf(bench, 'elsewhere')).toMatchObject({ ...nothing, left: { 3: 1 } });
    expect(await atRisk(bench)).toEqual({ primary: 0, aws: 0, gcp: 0, disk: 0 });
  });

  test('what it would take to have minCopies again', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('three');
    await addAt(bench, 'one', ['aws']);
    expect(await lossOf(bench)).toMatchObject({ belowMinCopies: 1, lacking: { copies: 1, bytes: 10 } });
    const loss = { ...nothing, left: { 0: 1, 2: 1 }, belowMinCopies: 1, lacking: { copies: 2, bytes: 20 } };
    expect(await lossOf(bench, 'aws')).toMatchObject(loss);
    const more = { belowMinCopies: 2, lacking: { copies: 3, bytes: 30 } };
    expect(await lossOf(bench, 'aws', 'gcp')).toMatchObject(more);
    expect(await lossOf(bench, 'aws', 'primary')).toMatchObject({ objects: 1, belowMinCopies: 0 });
  });

  test('no verified copy: at the source only, whatever else its copies are', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('worn');
    await bench.add('new', { gcp: 'unproven' });
    const asOf = bench.tick();
    await bench.record({ kind: 'missing', id, target: 'aws', asOf }, { kind: 'recheck', id, target: 'gcp' });
    await bench.record({ kind: 'foreign', id, target: 'disk', version: 'x', asOf });
    const dueAt = bench.clock.now();
    const failed = { target: 'disk', state: 'failed', dueAt, error: unavailable } as const;
    await bench.catalog.settle([settlement(await claimOf(bench, id), { copies: [failed] })]);
    expect(await atRisk(bench)).toEqual({ primary: 2, aws: 0, gcp: 0, disk: 0 });
    expect(await lossOf(bench, ...targets)).toMatchObject({ ...nothing, left: { 0: 2 } });
  });

  test.each(['undecided', 'gone'] as const)('vanished (%s): at its copies only', async (how) => {
    await using bench = await Bench.create(create);
    const { id } = await addAt(bench, 'a', ['gcp']);
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    if (how === 'gone') await bench.catalog.decideObserved(policy, 'apply');
    expect(await atRisk(bench)).toEqual({ primary: 0, aws: 0, gcp: 1, disk: 0 });
    const belowMinCopies = how === 'gone' ? 0 : 1;
    expect(await lossOf(bench, 'primary')).toMatchObject({ ...nothing, left: { 1: 1 }, belowMinCopies });
  });

  test('overwritten and undecided: the old version at its copies, the new one at the source', async () => {
    await using bench = await Bench.create(create);
    const { id } = await addAt(bench, 'a', ['gcp']);
    const newer = { version: 'v2', size: 7, modifiedAt: version('v1').modifiedAt + 5000 };
    await bench.record({ kind: 'overwritten', id, object: newer, asOf: bench.tick() });
    expect(await atRisk(bench)).toEqual({ primary: 1, aws: 0, gcp: 1, disk: 0 });
    const [old, other] = [version('v1').modifiedAt, newer.modifiedAt];
    expect(await lossOf(bench, 'primary')).toMatchObject({ objects: 1, bytes: 7, newestAt: other, oldestAt: other });
    expect(await lossOf(bench, 'gcp')).toMatchObject({ objects: 1, bytes: 10, newestAt: old, oldestAt: old });
    const both = { objects: 1, bytes: 17, newestAt: other, oldestAt: old };
    expect(await lossOf(bench, 'gcp', 'primary')).toMatchObject(both);
    // Taken over, what stands at the target is no copy of the object any more.
    await bench.catalog.decideObserved(policy, 'apply');
    expect(await atRisk(bench)).toEqual({ primary: 1, aws: 0, gcp: 0, disk: 0 });
    expect(await lossOf(bench, 'primary')).toMatchObject({ objects: 1, bytes: 7, newestAt: other });
  });

  test('rejected: at its copies only, and what the source shows instead is nothing to keep', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    await bench.record({ kind: 'overwritten', id, object: version('v2'), asOf: bench.tick() });
    const hold = { since: 1, reasons: ['many'], overwritten: 1, vanished: 0, known: 1, sample: [] };
    await bench.catalog.updatePolicy(policy, { hold });
    await bench.catalog.decideHold(policy, 'rejected', { by: 'me' });
    expect(await atRisk(bench)).toEqual({ primary: 0, aws: 0, gcp: 0, disk: 0 });
    expect(await lossOf(bench, ...targets)).toMatchObject({ objects: 1, bytes: 10 });
    bench.tick();
    await bench.record({ kind: 'overwritten', id, object: version('v3', 5), asOf: bench.tick() });
    expect(await lossOf(bench, 'primary')).toMatchObject({ objects: 1, bytes: 5, left: {} });
  });

  test('damaged at the source: at its copies only; the damage is nothing to keep, a later version is', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    await bench.record({ kind: 'source-read', id, version: 'v1', found: 'v1x', sha256: otherSha256 });
    expect(await lossOf(bench, ...targets)).toMatchObject({ objects: 1, bytes: 10 });
    bench.tick();
    await bench.record({ kind: 'overwritten', id, object: version('v1x', 3), asOf: bench.tick() });
    expect(await lossOf(bench, 'primary')).toMatchObject(nothing);
    bench.tick();
    await bench.record({ kind: 'overwritten', id, object: version('v2', 4), asOf: bench.tick() });
    expect(await lossOf(bench, 'primary')).toMatchObject({ objects: 1, bytes: 4 });
  });

  test('what has no place any more is not lost once more', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const asOf = bench.tick();
    await bench.record(...targets.map((target) => ({ kind: 'missing' as const, id, target, asOf })));
    await bench.record({ kind: 'vanished', id, asOf });
    expect(await lossOf(bench, ...everything)).toMatchObject({ ...nothing, left: {} });
    expect(await bench.catalog.counts(policy)).toMatchObject({ lost: 1 });
  });

  test('the newest and the oldest of what would be lost', async () => {
    await using bench = await Bench.create(create);
    for (const [index, key] of ['b', 'c', 'a', 'd'].entries())
      await bench.add(key, {}, { version: key, size: 1, modifiedAt: 1000 * index });
    const safest = await bench.object('d');
    await bench.catalog.settle([settlement(await claimOf(bench, safest.id), { learnt, copies: [verified('aws')] })]);
    expect(await lossOf(bench, 'primary')).toMatchObject({ objects: 3, newestAt: 2000, oldestAt: 0 });
    expect(await lossOf(bench, 'primary', 'aws')).toMatchObject({ objects: 4, newestAt: 3000, oldestAt: 0 });
  });

  test('of the targets as this process was told them, those of the catalog otherwise', async () => {
    await using bench = await Bench.create(create);
    await addAt(bench, 'a', ['gcp', 'disk']);
    await bench.record({ kind: 'vanished', id: (await bench.object('a')).id, asOf: bench.tick() });
    const asking = await bench.another();
    expect(await asking.lossOf(policy, ['gcp'])).toMatchObject({ ...nothing, left: { 1: 1 } });
    await asking.syncPolicies([{ ...policyRow, targets: ['aws', 'gcp'] }], { forget: false });
    expect(await asking.lossOf(policy, ['gcp'])).toMatchObject({ objects: 1 });
    expect((await asking.counts(policy)).atRisk).toEqual({ primary: 0, aws: 0, gcp: 1 });
    await bench.catalog.syncPolicies([{ ...policyRow, targets: ['aws', 'gcp'] }], { forget: true });
    expect((await bench.catalog.counts(policy)).atRisk).toEqual({ primary: 0, aws: 0, gcp: 1 });
    expect(await bench.catalog.counts('photos', { prefix: 'b' })).toMatchObject({ atRisk: { gcp: 0 } });
  });
}

function lossOf(bench: Bench, ...lost: readonly string[]): Promise<Loss> {
  return bench.catalog.lossOf(policy, lost);
}

async function atRisk(bench: Bench): Promise<Readonly<Record<string, number>>> {
  const { atRisk: all } = await bench.catalog.counts(policy);
  expect(await bench.catalog.counts(policy, { prefix: '' })).toMatchObject({ atRisk: all });
  return all;
}

/** An object that is verified at some of the targets and pending at the others. */
async function addAt(bench: Bench, key: string, names: readonly string[]): Promise<ObjectRow> {
  await bench.add(key);
  const copies = names.map((name) => verified(name));
  await bench.catalog.settle([settlement(await bench.claimOne(), { learnt, copies })]);
  bench.tick();
  return await bench.object(key);
}

async function claimOf(bench: Bench, id: number) {
  const claim = (await bench.claim()).find(({ objectId }) => objectId === id);
  if (claim === undefined) throw new Error(`object ${id} is not due`);
  return claim;
}
