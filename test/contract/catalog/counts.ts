import { expect, test } from 'vitest';
import { expectedCounts } from './expected-counts.ts';
import {
  Bench,
  evidence,
  learnt,
  otherSha256,
  policy,
  policyRow,
  settlement,
  targets,
  unavailable,
  verified,
} from './fixture.ts';
import type { CreateStore } from './fixture.ts';

export function countCases(create: CreateStore): void {
  test('counts of an empty policy name every target', async () => {
    await using bench = await Bench.create(create);
    expect(await bench.catalog.counts(policy)).toEqual({
      ...expectedCounts([], policyRow),
      oldestPendingSince: null,
      sourceDamaged: 0,
      unidentified: 0,
      lost: 0,
      atRisk: { primary: 0, aws: 0, gcp: 0, disk: 0 },
    });
  });

  test('safe: by how many copies are verified', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('three');
    for (const [key, done] of Object.entries({ two: ['aws', 'gcp'], one: ['aws'] })) {
      await bench.add(key);
      const copies = done.map((target) => verified(target));
      await bench.catalog.settle([settlement(await bench.claimOne({ targets }), { learnt, copies, last: false })]);
    }
    const counts = await bench.catalog.counts(policy);
    expect(counts).toMatchObject({ objects: 3, bytes: 30, safe: 2, backlogBytes: 30 });
    expect(counts.copies).toEqual({ verified: 6, pending: 3, unproven: 0, damaged: 0, failed: 0 });
    expect(counts.byTarget['disk']).toMatchObject({
      verified: 1,
      pending: 2,
      oldestEvidenceAt: { attested: evidence().at, read: null },
    });
  });

  test('the oldest that waits has waited since it was not verified any more', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    expect((await bench.catalog.counts(policy)).oldestPendingSince).toBeNull();
    const since = bench.clock.advance(100);
    await bench.record({ kind: 'recheck', id, target: 'aws' });
    bench.clock.advance(100);
    const dueAt = bench.clock.now();
    const retry = { target: 'aws', state: 'retry', dueAt, error: unavailable } as const;
    await bench.catalog.settle([settlement(await bench.claimOne(), { copies: [retry] })]);
    expect((await bench.catalog.counts(policy)).oldestPendingSince).toBe(since);
    expect((await bench.catalog.counts(policy, { prefix: 'b' })).objects).toBe(0);
    expect((await bench.catalog.counts(policy, { prefix: 'b' })).oldestPendingSince).toBeNull();
    await bench.catalog.settle([settlement(await bench.claimOne(), { copies: [verified('aws')] })]);
    expect((await bench.catalog.counts(policy)).oldestPendingSince).toBeNull();
  });

  test('lost: gone, and neither a verified copy nor one that may be good', async () => {
    await using bench = await Bench.create(create);
    for (const key of ['kept', 'unproven', 'lost']) await bench.addVerified(key);
    const objects = await Promise.all(['unproven', 'lost', 'kept'].map((key) => bench.object(key)));
    const asOf = bench.tick();
    for (const [index, { id }] of objects.entries()) {
      await bench.record({ kind: 'vanished', id, asOf });
      for (const target of index < 2 ? targets : []) await bench.record({ kind: 'missing', id, target, asOf });
    }
    const found = { kind: 'found', id: objects[0]?.id ?? 0, target: 'gcp', version: 'x', asOf: bench.tick() } as const;
    await bench.record(found);
    expect((await bench.catalog.counts(policy)).lost).toBe(1);
    await bench.catalog.decideObserved(policy, 'apply');
    expect(await bench.catalog.counts(policy)).toMatchObject({ lost: 1, gone: 3, objects: 0 });
    expect((await bench.catalog.counts(policy, { prefix: 'lost' })).lost).toBe(1);
    expect((await bench.catalog.counts(policy, { prefix: 'kept' })).lost).toBe(0);
  });

  test('lost: damaged at the source and everywhere else, until the source is whole again', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const asOf = bench.tick();
    for (const target of targets) await bench.record({ kind: 'missing', id, target, asOf });
    expect((await bench.catalog.counts(policy)).lost).toBe(0);
    const read = { ...learnt, sha256: otherSha256 };
    await bench.catalog.settle([settlement(await bench.claimOne(), { learnt: read })]);
    expect((await bench.catalog.counts(policy)).lost).toBe(1);
    await bench.catalog.settle([settlement(await bench.claimOne(), { learnt })]);
    expect((await bench.catalog.counts(policy)).lost).toBe(0);
  });

  test('problems: what is not verified, in key order, no more than asked for', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('a');
    await bench.add('c', { gcp: 'g1' });
    await bench.add('b');
    const dueAt = bench.clock.now() + 60;
    const failed = { target: 'disk', state: 'failed', dueAt, error: unavailable } as const;
    await bench.catalog.settle([settlement(await bench.claimOne(), { copies: [failed] })]);
    const all = await bench.catalog.problems(policy, { limit: 100 });
    const names = all.map(({ key, target, state }) => `${key} ${target} ${state}`);
    expect(names).toEqual([
      'b aws pending',
      'b disk pending',
      'b gcp pending',
      'c aws pending',
      'c disk failed',
      'c gcp unproven',
    ]);
    expect(all.find((problem) => problem.state === 'failed')).toMatchObject({ error: unavailable, dueAt });
    expect(await bench.catalog.problems(policy, { limit: 2 })).toEqual(all.slice(0, 2));
    expect(await bench.catalog.problems(policy, { prefix: 'c', limit: 100 })).toEqual(all.slice(3));
  });
}
