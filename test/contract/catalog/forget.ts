import { expect, test } from 'vitest';
import type { Claim } from '../../../src/catalog/claims.ts';
import { Bench, learnt, policy, settlement, unavailable, verified, version } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

/** A temporary file that came and went before it was copied must not be `lost` for ever. */
export function forgetCases(create: CreateStore): void {
  test('vanished: an object that was never copied anywhere is forgotten at once, with all its rows', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a');
    await failOnce(bench, await bench.claimOne());
    const vanished = { kind: 'vanished', id, asOf: bench.tick() } as const;
    expect(await bench.record(vanished)).toBe(1);
    expect(await bench.record(vanished, { kind: 'found', id, target: 'aws', version: 'x', asOf: bench.tick() })).toBe(
      0,
    );
    await expectForgotten(bench);
    const again = await bench.add('a');
    expect(again.id).toBeGreaterThan(id);
    expect(await bench.events('a')).toEqual([]);
  });

  test('vanished: what the same pass found at a target keeps the object', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a');
    const asOf = bench.tick();
    await bench.record({ kind: 'vanished', id, asOf }, { kind: 'found', id, target: 'gcp', version: 'left', asOf });
    expect(await bench.object('a')).toMatchObject({ observed: { kind: 'vanished' } });
    expect(await bench.copy('a', 'gcp')).toMatchObject({ state: 'unproven', version: 'left' });
  });

  test('vanished: a copy that is missing now was there once, so the object is kept', async () => {
    await using bench = await Bench.create(create);
    const { id, copies } = await bench.addVerified('a');
    const asOf = bench.tick();
    for (const { target } of copies) await bench.record({ kind: 'missing', id, target, asOf });
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    expect(await bench.catalog.decideObserved(policy, 'apply')).toBe(1);
    expect(await bench.object('a')).toMatchObject({ state: 'gone' });
    expect((await bench.catalog.counts(policy)).lost).toBe(1);
  });

  test('vanished: while somebody works on it the object waits; what they copied is kept', async () => {
    await using bench = await Bench.create(create);
    const claim = await vanishUnderLease(bench);
    expect(await bench.catalog.decideObserved(policy, 'apply')).toBe(0);
    expect(await bench.object('a')).toMatchObject({ state: 'present', observed: { kind: 'vanished' } });
    expect(await bench.catalog.settle([settlement(claim, { learnt, copies: [verified('aws')] })])).toEqual([true]);
    expect(await bench.catalog.decideObserved(policy, 'apply')).toBe(1);
    expect(await bench.object('a')).toMatchObject({ state: 'gone' });
    expect(await bench.copy('a')).toMatchObject({ state: 'verified' });
    expect((await bench.catalog.counts(policy)).lost).toBe(0);
  });

  test('vanished: when nothing came of that work the object is forgotten, and settling it again says so', async () => {
    await using bench = await Bench.create(create);
    const claim = await vanishUnderLease(bench);
    await failOnce(bench, claim, false);
    expect(await bench.object('a')).toMatchObject({ observed: { kind: 'vanished' } });
    await failOnce(bench, claim);
    await expectForgotten(bench);
    const late = settlement(claim, { learnt, copies: [verified('aws')] });
    expect(await bench.catalog.settle([late])).toEqual([false]);
    expect(await bench.catalog.renew([claim], 1000)).toEqual([claim.objectId]);
  });

  test('apply: what vanished before it was copied is forgotten when nobody works on it any more', async () => {
    await using bench = await Bench.create(create);
    const claim = await vanishUnderLease(bench);
    const { id } = await bench.addVerified('b');
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    bench.clock.advance(60_000);
    expect(await bench.catalog.decideObserved(policy, 'apply')).toBe(2);
    expect(await bench.object('b')).toMatchObject({ state: 'gone' });
    expect(await bench.catalog.inspect(policy, 'a')).toBeUndefined();
    expect(await bench.catalog.counts(policy)).toMatchObject({ objects: 0, gone: 1, lost: 0, observed: 0 });
    expect(await bench.catalog.settle([settlement(claim)])).toEqual([false]);
  });

  test('a worker that finds the source without it has it forgotten, unless something was copied', async () => {
    await using bench = await Bench.create(create);
    const vanished = { observed: { kind: 'vanished' } } as const;
    await bench.add('a');
    expect(await bench.catalog.settle([settlement(await bench.claimOne(), vanished)])).toEqual([true]);
    await expectForgotten(bench);
    await bench.add('b');
    const copied = settlement(await bench.claimOne(), { ...vanished, learnt, copies: [verified('aws')] });
    expect(await bench.catalog.settle([copied])).toEqual([true]);
    expect(await bench.object('b')).toMatchObject({ state: 'present', ...vanished });
  });

  test('what was never copied is there again with another version: it is kept', async () => {
    await using bench = await Bench.create(create);
    const claim = await vanishUnderLease(bench);
    const object = version('v2', 20);
    await bench.record({ kind: 'overwritten', id: claim.objectId, object, asOf: bench.tick() });
    await failOnce(bench, claim);
    expect(await bench.object('a')).toMatchObject({ ...object, state: 'present', observed: null });
  });
}

async function vanishUnderLease(bench: Bench): Promise<Claim> {
  await bench.add('a');
  const claim = await bench.claimOne();
  expect(await bench.record({ kind: 'vanished', id: claim.objectId, asOf: bench.tick() })).toBe(1);
  bench.tick();
  return claim;
}

async function failOnce(bench: Bench, claim: Claim, last = true): Promise<void> {
  const copies = [{ target: 'aws', state: 'retry', dueAt: bench.clock.now() + 9, error: unavailable }] as const;
  await bench.catalog.settle([settlement(claim, { copies, last })]);
}

async function expectForgotten(bench: Bench): Promise<void> {
  expect(await bench.catalog.inspect(policy, 'a')).toBeUndefined();
  expect(await bench.catalog.counts(policy)).toMatchObject({ objects: 0, gone: 0, observed: 0, lost: 0 });
  expect((await bench.catalog.counts(policy)).copies.pending).toBe(0);
}
