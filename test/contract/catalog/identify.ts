import { expect, test } from 'vitest';
import type { Settlement } from '../../../src/catalog/claims.ts';
import {
  Bench,
  evidence,
  learnt,
  otherSha256,
  policy,
  settlement,
  sha256,
  targets,
  unavailable,
  verified,
  version,
} from './fixture.ts';
import type { CreateStore } from './fixture.ts';

const former = version('v0', 7);

/** Finding out what an object is of which nothing is known (the catalog was lost). */
export function identifyCases(create: CreateStore): void {
  test('former: the row becomes that version, its own is undecided; the outcomes that follow are for the former', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a', { aws: 'c1' });
    const claim = await bench.claimOne();
    const settlements: Settlement[] = [
      settlement(claim, { former, last: false }),
      settlement(claim, { version: former.version, learnt, copies: [verified('aws')] }),
    ];
    expect(await bench.catalog.settle(settlements)).toEqual([true, true]);
    const observed = { kind: 'overwritten', ...version('v1') } as const;
    expect(await bench.object('a')).toMatchObject({ ...former, state: 'present', sha256, observed });
    expect(await bench.copy('a')).toMatchObject({ state: 'verified', version: 'c1' });
    expect(await bench.copy('a', 'gcp')).toMatchObject({ state: 'pending' });
    expect(await bench.events('a')).toEqual(expect.arrayContaining(['former', 'observed-overwritten']));
    // It waits as any other change does, and takes effect as one.
    expect(await bench.catalog.decideObserved(policy, 'apply')).toBe(1);
    expect(await bench.object('a')).toMatchObject({ ...version('v1'), sha256: null, observed: null });
    expect(await bench.copy('a')).toMatchObject({ state: 'pending', version: 'c1', evidence: evidence() });
  });

  const refusing: readonly [string, (bench: Bench, id: number) => Promise<unknown>][] = [
    [
      'whose digest is known',
      async (bench) => await bench.catalog.settle([settlement(await bench.claimOne(), { learnt })]),
    ],
    [
      'with an undecided change',
      async (bench, id) => await bench.record({ kind: 'overwritten', id, object: version('v2'), asOf: bench.tick() }),
    ],
  ];
  test.each(refusing)('former: refused for an object %s, which stays what it is', async (_, become) => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a', { aws: 'c1' });
    await become(bench, id);
    const claim = await bench.claimOne();
    const before = await bench.object('a');
    expect(await bench.catalog.settle([settlement(claim, { former, last: false })])).toEqual([false]);
    expect(await bench.object('a')).toEqual(before);
    expect(await bench.events('a')).not.toContain('former');
  });

  test('former: of an object that is gone it is what is kept, and nothing is observed', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a', { aws: 'c1' });
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    await bench.catalog.decideObserved(policy, 'apply');
    const claim = await bench.claimOne();
    expect(await bench.catalog.settle([settlement(claim, { former, last: false })])).toEqual([true]);
    expect(await bench.object('a')).toMatchObject({ version: former.version, state: 'gone', observed: null });
  });

  test('former: a token that is not the newest changes nothing', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a', { aws: 'c1' });
    const late = await bench.claimOne({ leaseMs: 10 });
    bench.clock.advance(10);
    await bench.claimOne({ owner: 'you' });
    expect(await bench.catalog.settle([settlement(late, { former, last: false })])).toEqual([false]);
    expect(await bench.object('a')).toMatchObject(version('v1'));
  });

  const provisional = { ...learnt, provisional: true };

  /** Gone before it was read; its copies at `aws` and `gcp` agreed what it was. */
  async function agreed(bench: Bench): Promise<number> {
    const { id } = await bench.add('a', { aws: 'c1', gcp: 'c1' });
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    await bench.catalog.decideObserved(policy, 'apply');
    const copies = targets.map((target) => verified(target));
    const done = settlement(await bench.claimOne(), { learnt: provisional, copies });
    expect(await bench.catalog.settle([done])).toEqual([true]);
    expect(await bench.object('a')).toMatchObject({ state: 'gone', sha256 });
    bench.tick();
    return id;
  }

  test('provisional: what copies agreed upon is forgotten once the source has the object again, and every copy unproven', async () => {
    await using bench = await Bench.create(create);
    const id = await agreed(bench);
    const asOf = bench.tick();
    expect(await bench.record({ kind: 'present', id, asOf })).toBe(1);
    expect(await bench.object('a')).toMatchObject({ state: 'present', sha256: null, attributes: null, doubted: true });
    for (const target of targets) {
      expect(await bench.copy('a', target)).toMatchObject({
        state: 'unproven',
        version: 'c1',
        evidence: null,
        dueAt: asOf,
      });
    }
    expect(await bench.catalog.counts(policy)).toMatchObject({ safe: 0, unidentified: 1 });
    expect((await bench.claimOne()).object).toMatchObject({ doubted: true });
    const read = { ...learnt, sha256: otherSha256 };
    const copies = [verified('aws', 'c2', evidence(otherSha256))];
    bench.clock.advance(60_000);
    expect(await bench.catalog.settle([settlement(await bench.claimOne(), { learnt: read, copies })])).toEqual([true]);
    expect(await bench.object('a')).toMatchObject({ sha256: otherSha256 });
    expect(await bench.object('a')).not.toHaveProperty('doubted');
    expect(await bench.catalog.counts(policy)).toMatchObject({ sourceDamaged: 0 });
  });

  test('provisional: once the source was read and said the same, it is known for good', async () => {
    await using bench = await Bench.create(create);
    const id = await agreed(bench);
    await bench.record({ kind: 'missing', id, target: 'disk', asOf: bench.tick() });
    const confirmed = settlement(await bench.claimOne(), { learnt, copies: [verified('disk')] });
    expect(await bench.catalog.settle([confirmed])).toEqual([true]);
    await bench.record({ kind: 'present', id, asOf: bench.tick() });
    expect(await bench.object('a')).toMatchObject({ state: 'present', sha256 });
    expect(await bench.copy('a')).toMatchObject({ state: 'verified', evidence: evidence() });
  });

  test('provisional: agreed upon while the source got the object back, it counts for nothing', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a', { aws: 'c1', gcp: 'c1' });
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    await bench.catalog.decideObserved(policy, 'apply');
    const claim = await bench.claimOne();
    await bench.record({ kind: 'present', id, asOf: bench.tick() });
    const copies = targets.map((target) => verified(target));
    await bench.catalog.settle([settlement(claim, { learnt: provisional, copies })]);
    expect(await bench.object('a')).toMatchObject({ state: 'present', sha256: null, doubted: true });
    expect(await bench.copy('a')).toMatchObject({ state: 'unproven', evidence: null });
  });

  test('unidentified: present, of unknown content, and something at a target that may tell what it was', async () => {
    await using bench = await Bench.create(create);
    const unidentified = async (prefix = ''): Promise<number> =>
      (await bench.catalog.counts(policy, { prefix })).unidentified;
    await bench.add('new');
    await bench.addVerified('known');
    expect(await unidentified()).toBe(0);
    const { id } = await bench.add('a', { aws: 'c1', gcp: 'c1' });
    await bench.add('b', { aws: 'c1' });
    expect([await unidentified(), await unidentified('a')]).toEqual([2, 1]);
    await bench.record({ kind: 'overwritten', id, object: version('v2'), asOf: bench.tick() });
    expect(await unidentified()).toBe(1);
    await bench.record({ kind: 'present', id, asOf: bench.tick() });
    const [claim] = (await bench.claim()).filter(({ object }) => object.key === 'a');
    if (claim === undefined) throw new Error('it is due');
    const retry = { target: 'gcp', state: 'retry', dueAt: bench.clock.now() + 9, error: unavailable } as const;
    await bench.catalog.settle([settlement(claim, { learnt, copies: [verified('aws'), retry] })]);
    expect([await unidentified(), await unidentified('a')]).toEqual([1, 0]);
  });
}
