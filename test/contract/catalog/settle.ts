import { expect, test } from 'vitest';
import type { CopyOutcome } from '../../../src/catalog/claims.ts';
import {
  attributes,
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

export function settleCases(create: CreateStore): void {
  test('verified: with its evidence, nothing due, no error; seen by other processes at once', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const claim = await bench.claimOne();
    const now = bench.tick();
    const done = settlement(claim, { learnt, copies: [verified('aws', 'c7')] });
    expect(await bench.catalog.settle([done])).toEqual([true]);
    const other = await bench.another();
    const found = await other.inspect(policy, 'a');
    expect(found?.object).toMatchObject({ sha256, checksums: learnt.checksums, attributes, updatedAt: now });
    expect(found?.object.copies.find((copy) => copy.target === 'aws')).toEqual({
      target: 'aws',
      state: 'verified',
      version: 'c7',
      evidence: evidence(),
      recorded: null,
      dueAt: null,
      attempts: 0,
      error: null,
      updatedAt: now,
    });
    expect(found?.history).toEqual([{ at: now, target: 'aws', event: 'copied', detail: expect.any(String) as string }]);
  });

  test('retry: stays what it was, due later, one attempt more', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a', { gcp: 'g1' });
    const dueAt = bench.clock.now() + 10.25;
    for (const attempts of [1, 2]) {
      const copies = targets.map((target) => ({ target, state: 'retry' as const, dueAt, error: unavailable }));
      await bench.catalog.settle([settlement(await bench.claimOne(), { copies })]);
      const failed = { dueAt, attempts, error: unavailable };
      expect(await bench.copy('a', 'aws')).toMatchObject({ state: 'pending', version: null, ...failed });
      expect(await bench.copy('a', 'gcp')).toMatchObject({ state: 'unproven', version: 'g1', ...failed });
      bench.clock.advance(11);
    }
    expect((await bench.events('a')).filter((event) => event === 'aws retry')).toHaveLength(1);
  });

  test('damaged, failed: as told; verified again: attempts and error are forgotten', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('a');
    const { id } = await bench.object('a');
    await bench.record({ kind: 'recheck', id, target: 'aws' }, { kind: 'recheck', id, target: 'gcp' });
    const dueAt = bench.clock.now();
    const error = { code: 'checksum-mismatch', message: 'bits' } as const;
    await bench.catalog.settle([
      settlement(await bench.claimOne(), {
        copies: [
          { target: 'aws', state: 'damaged', version: 'bad', dueAt, error },
          { target: 'gcp', state: 'failed', dueAt, error },
        ],
      }),
    ]);
    expect(await bench.copy('a', 'aws')).toMatchObject({ state: 'damaged', version: 'bad', dueAt, attempts: 1, error });
    expect(await bench.copy('a', 'gcp')).toMatchObject({ state: 'failed', version: 'c1', dueAt, attempts: 1, error });
    await bench.catalog.settle([settlement(await bench.claimOne(), { copies: [verified('aws', 'c2')] })]);
    expect(await bench.copy('a', 'aws')).toMatchObject({ state: 'verified', version: 'c2', attempts: 0, error: null });
  });

  test('released: due as before, and free to be claimed', async () => {
    await using bench = await Bench.create(create);
    const before = await bench.add('a');
    const copies = targets.map((target) => ({ target, state: 'released' as const }));
    expect(await bench.catalog.settle([settlement(await bench.claimOne(), { copies })])).toEqual([true]);
    expect(await bench.object('a')).toEqual(before);
    expect((await bench.claimOne()).objectId).toBe(before.id);
  });

  test('last: false keeps the lease', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const claim = await bench.claimOne();
    await bench.catalog.settle([settlement(claim, { learnt, copies: [verified('aws')], last: false })]);
    expect(await bench.claim()).toEqual([]);
    expect(await bench.catalog.settle([settlement(claim, { copies: [verified('gcp')] })])).toEqual([true]);
    expect(await bench.claimOne()).toMatchObject({ targets: ['disk'] });
  });

  test('a token that is not the newest changes nothing; the others of the call are applied', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    await bench.add('b');
    const [a, b] = await bench.claim({ leaseMs: 10 });
    if (a === undefined || b === undefined) throw new Error('two claims expected');
    bench.clock.advance(10);
    await bench.claim({ owner: 'you', limit: 1 });
    const done = [a, b].map((claim) => settlement(claim, { learnt, copies: [verified('aws')] }));
    expect(await bench.catalog.settle(done)).toEqual([false, true]);
    expect(await bench.object('a')).toEqual(a.object);
    expect(await bench.copy('b')).toMatchObject({ state: 'verified' });
    expect(await bench.claim({ targets: ['gcp'] })).toMatchObject([{ object: { key: 'b' } }]);
  });

  test('a lease that ran out while nobody else claimed still settles', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const claim = await bench.claimOne({ leaseMs: 10 });
    bench.clock.advance(1000);
    expect(await bench.catalog.settle([settlement(claim, { learnt, copies: [verified('aws')] })])).toEqual([true]);
  });

  test('settling what does not exist says so', async () => {
    await using bench = await Bench.create(create);
    const none = { objectId: 4711, token: 1, version: 'v1', copies: [], last: true };
    expect(await bench.catalog.settle([none])).toEqual([false]);
  });

  test('an outcome for a target that has left the policy is dropped', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const claim = await bench.claimOne();
    await bench.catalog.syncPolicies([{ name: policy, source: 'primary', targets: ['gcp'], minCopies: 1 }], {
      forget: true,
    });
    const copies = [verified('aws'), verified('gcp')];
    expect(await bench.catalog.settle([settlement(claim, { learnt, copies })])).toEqual([true]);
    expect((await bench.object('a')).copies).toMatchObject([{ target: 'gcp', state: 'verified' }]);
  });

  const refused: readonly [string, CopyOutcome][] = [
    ['evidence that is only claimed', verified('aws', 'c1', { ...evidence(), method: 'claimed' })],
    ['a retry of a verified copy', { target: 'gcp', state: 'retry', dueAt: 1, error: unavailable }],
    ['a verified copy that failed', { target: 'gcp', state: 'failed', dueAt: 1, error: unavailable }],
  ];
  test.each(refused)('%s is refused, and nothing of that call is kept', async (_, outcome) => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    await bench.add('b');
    const [a, b] = await bench.claim();
    if (a === undefined || b === undefined) throw new Error('two claims expected');
    await bench.catalog.settle([settlement(a, { learnt, copies: [verified('gcp')], last: false })]);
    const before = await bench.object('a');
    const innocent = bench.catalog.settle([settlement(b, { learnt, copies: [verified('aws')] })]);
    const guilty = bench.catalog.settle([settlement(a, { copies: [verified('disk'), outcome] })]);
    await expect(guilty).rejects.toThrow(/copy/);
    expect(await innocent).toEqual([true]);
    expect(await bench.object('a')).toEqual(before);
  });

  test('evidence for an object whose digest nobody knows any more verifies nothing; what stands there is noted', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    await bench.record(
      { kind: 'recheck', id, target: 'aws' },
      { kind: 'missing', id, target: 'gcp', asOf: bench.tick() },
    );
    const claim = await bench.claimOne();
    for (const name of ['v2', 'v1']) {
      await bench.record({ kind: 'overwritten', id, object: version(name), asOf: bench.tick() });
      await bench.catalog.decideObserved(policy, 'apply');
    }
    const retry = { target: 'gcp', state: 'retry', dueAt: bench.clock.now() + 9, error: unavailable } as const;
    const done = settlement(claim, { copies: [verified('aws', 'c2'), retry] });
    expect(await bench.catalog.settle([done])).toEqual([false]);
    expect(await bench.object('a')).toMatchObject({ version: 'v1', sha256: null });
    expect(await bench.copy('a')).toMatchObject({ state: 'pending', version: 'c2', evidence: evidence() });
    expect(await bench.copy('a', 'gcp')).toMatchObject({ state: 'pending', error: unavailable });
    expect((await bench.claimOne()).token).toBeGreaterThan(claim.token);
  });

  test('a copy that was proven to hold other bytes than the object is damaged, whatever it is called', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const wrong = verified('aws', 'w1', evidence(otherSha256));
    expect(await bench.catalog.settle([settlement(await bench.claimOne(), { learnt, copies: [wrong] })])).toEqual([
      false,
    ]);
    expect(await bench.copy('a')).toMatchObject({ state: 'damaged', version: 'w1', dueAt: bench.clock.now() });
    expect(await bench.copy('a')).toMatchObject({ evidence: null, error: { code: 'checksum-mismatch' } });
  });

  test('many settlements asked for at once are all applied', async () => {
    await using bench = await Bench.create(create);
    const keys = Array.from({ length: 300 }, (_, index) => `k${index}`);
    await bench.record(...keys.map((key) => ({ kind: 'new' as const, key, object: version('v1'), found: {} })));
    const claims = await bench.claim({ limit: 300 });
    const done = claims.map((claim) =>
      bench.catalog.settle([settlement(claim, { learnt, copies: targets.map((target) => verified(target)) })]),
    );
    expect(new Set((await Promise.all(done)).flat())).toEqual(new Set([true]));
    expect(await bench.catalog.counts(policy)).toMatchObject({ safe: 300, copies: { verified: 900 } });
  });

  test('the history of an object keeps the newest hundred entries and does not grow for ever', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    for (let round = 0; round < 100; round++) {
      await bench.record({ kind: 'recheck', id, target: 'aws' });
      const done = { ...verified('aws', `c${round}`), event: 'rechecked' as const } as CopyOutcome;
      await bench.catalog.settle([settlement(await bench.claimOne(), { copies: [done] })]);
    }
    const events = await bench.events('a');
    expect(events.length).toBeGreaterThanOrEqual(100);
    expect(events.length).toBeLessThan(120);
    expect(events.slice(-2)).toEqual(['aws recheck', 'aws rechecked']);
  });
}
