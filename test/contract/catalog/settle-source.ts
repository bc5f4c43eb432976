import { expect, test } from 'vitest';
import {
  Bench,
  evidence,
  learnt,
  otherSha256,
  policy,
  settlement,
  sha256,
  unavailable,
  verified,
  version,
} from './fixture.ts';
import type { CreateStore } from './fixture.ts';

export function settleSourceCases(create: CreateStore): void {
  test('learnt: a digest that differs from the one known for the same version is damage at the source', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    await bench.record({ kind: 'missing', id, target: 'aws', asOf: bench.tick() });
    const read = { ...learnt, sha256: otherSha256 };
    const copies = [verified('aws', 'c2', evidence(otherSha256))];
    expect(await bench.catalog.settle([settlement(await bench.claimOne(), { learnt: read, copies })])).toEqual([false]);
    expect(await bench.object('a')).toMatchObject({ sha256, checksums: learnt.checksums });
    expect(await bench.copy('a')).toMatchObject({ state: 'damaged', evidence: { sha256 } });
    expect(await bench.events('a')).toContain('source-damaged');
    // It goes on: from another copy the object is repaired.
    expect(await bench.catalog.settle([settlement(await bench.claimOne(), { copies: [verified('aws')] })])).toEqual([
      true,
    ]);
  });

  test('learnt: the same digest again brings newer attributes', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    await bench.record({ kind: 'recheck', id, target: 'aws' });
    const attributes = { metadata: { changed: 'yes' } };
    const done = settlement(await bench.claimOne(), { learnt: { ...learnt, attributes }, copies: [verified('aws')] });
    expect(await bench.catalog.settle([done])).toEqual([true]);
    expect(await bench.object('a')).toMatchObject({ sha256, attributes });
  });

  test('observed: a change that a worker saw waits as one that a pass saw', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    await bench.record({ kind: 'missing', id, target: 'aws', asOf: bench.tick() });
    const observed = { kind: 'overwritten', ...version('v2') } as const;
    const claim = await bench.claimOne();
    const late = bench.tick();
    bench.tick();
    expect(
      await bench.catalog.settle([settlement(claim, { observed, copies: [{ target: 'aws', state: 'released' }] })]),
    ).toEqual([true]);
    expect(await bench.object('a')).toMatchObject({ version: 'v1', observed });
    // The listing that was asked for before does not take it back.
    expect(await bench.record({ kind: 'present', id, asOf: late })).toBe(0);
  });

  test('observed: of an object that was never copied the new version applies at once', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const dueAt = bench.clock.now() + 5000;
    const done = settlement(await bench.claimOne(), {
      observed: { kind: 'overwritten', ...version('v2', 30) },
      copies: [{ target: 'aws', state: 'retry', dueAt, error: unavailable }],
    });
    expect(await bench.catalog.settle([done])).toEqual([true]);
    expect(await bench.object('a')).toMatchObject({ ...version('v2', 30), observed: null });
    expect(await bench.copy('a')).toMatchObject({ state: 'pending', dueAt: bench.clock.now(), error: null });
  });

  test('observed: nothing that was copied in the same settlement counts as never copied', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const observed = { kind: 'overwritten', ...version('v2') } as const;
    const copies = [verified('aws')];
    await bench.catalog.settle([settlement(await bench.claimOne(), { learnt, observed, copies })]);
    expect(await bench.object('a')).toMatchObject({ version: 'v1', observed });
    expect(await bench.copy('a')).toMatchObject({ state: 'verified' });
  });

  test('an object that became another version meanwhile takes nothing but what stands there now and is proven of that', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a');
    const claim = await bench.claimOne();
    await bench.record({ kind: 'overwritten', id, object: version('v2'), asOf: bench.tick() });
    expect(await bench.object('a')).toMatchObject({ version: 'v2' });
    const copies = [verified('aws', 'c1'), { target: 'gcp', state: 'failed', dueAt: 1, error: unavailable } as const];
    expect(await bench.catalog.settle([settlement(claim, { learnt, copies })])).toEqual([false]);
    expect(await bench.object('a')).toMatchObject({ version: 'v2', sha256: null, attributes: null });
    expect(await bench.copy('a')).toMatchObject({ state: 'pending', version: 'c1', evidence: { sha256 } });
    expect(await bench.copy('a', 'gcp')).toMatchObject({ state: 'pending', version: null, error: null });
    expect(await bench.claim()).toMatchObject([{ object: { version: 'v2' }, targets: { length: 3 } }]);
    expect(await bench.catalog.counts(policy)).toMatchObject({ safe: 0, copies: { verified: 0 } });
  });
}
