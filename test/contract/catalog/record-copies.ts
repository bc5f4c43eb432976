import { expect, test } from 'vitest';
import { Bench, evidence, settlement, unavailable, version, policy } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

export function recordCopyCases(create: CreateStore): void {
  test('missing: a verified copy is damaged, due now, with nothing there', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const finding = { kind: 'missing', id, target: 'aws', asOf: bench.tick() } as const;
    expect(await bench.record(finding)).toBe(1);
    const now = bench.clock.now();
    expect(await bench.copy('a')).toMatchObject({ state: 'damaged', version: null, dueAt: now, updatedAt: now });
    expect(await bench.copy('a')).toMatchObject({ error: { code: 'not-found' }, evidence: evidence() });
    expect(await bench.copy('a', 'gcp')).toMatchObject({ state: 'verified' });
    expect(await bench.events('a')).toContain('aws missing');
    expect(await bench.record({ ...finding, asOf: bench.tick() })).toBe(0);
  });

  test('missing: an unproven copy is pending; of a pending one nothing changes', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a', { aws: 'x1' });
    const asOf = bench.tick();
    expect(await bench.record({ kind: 'missing', id, target: 'aws', asOf })).toBe(1);
    expect(await bench.copy('a')).toMatchObject({ state: 'pending', version: null, dueAt: asOf });
    expect(await bench.record({ kind: 'missing', id, target: 'gcp', asOf: bench.tick() })).toBe(0);
  });

  test('missing: the old version that waits to be replaced is forgotten', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    await bench.record({ kind: 'overwritten', id, object: version('v2'), asOf: bench.tick() });
    await bench.catalog.decideObserved(policy, 'apply');
    expect(await bench.copy('a')).toMatchObject({ state: 'pending', version: 'c1' });
    expect(await bench.record({ kind: 'found', id, target: 'aws', version: 'c1', asOf: bench.tick() })).toBe(0);
    await bench.record({ kind: 'missing', id, target: 'aws', asOf: bench.tick() });
    expect(await bench.copy('a')).toMatchObject({ state: 'pending', version: null });
  });

  test('foreign: a verified copy has to be proven anew, or replaced', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const asOf = bench.tick();
    expect(await bench.record({ kind: 'foreign', id, target: 'aws', version: 'x9', asOf })).toBe(1);
    expect(await bench.copy('a')).toMatchObject({ state: 'unproven', version: 'x9', dueAt: asOf, updatedAt: asOf });
    expect(await bench.events('a')).toContain('aws foreign');
  });

  test('foreign: a damaged copy only when it is not the version proven wrong', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a');
    const claim = await bench.claimOne();
    const dueAt = bench.clock.now() + 1000;
    const damaged = { target: 'aws', state: 'damaged', version: 'bad', dueAt, error: unavailable } as const;
    await bench.catalog.settle([settlement(claim, { copies: [damaged] })]);
    expect(await bench.record({ kind: 'foreign', id, target: 'aws', version: 'bad', asOf: bench.tick() })).toBe(0);
    expect(await bench.copy('a')).toMatchObject({ state: 'damaged', dueAt });
    expect(await bench.record({ kind: 'foreign', id, target: 'aws', version: 'x2', asOf: bench.tick() })).toBe(1);
    expect(await bench.copy('a')).toMatchObject({ state: 'unproven', version: 'x2', dueAt: bench.clock.now() });
  });

  test('found: a pending or failed copy is to be proven', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a');
    const claim = await bench.claimOne();
    const failed = { target: 'gcp', state: 'failed', dueAt: bench.clock.now() + 9, error: unavailable } as const;
    await bench.catalog.settle([settlement(claim, { copies: [failed] })]);
    for (const target of ['aws', 'gcp']) {
      await bench.record({ kind: 'found', id, target, version: 'f1', asOf: bench.tick() });
      const now = bench.clock.now();
      expect(await bench.copy('a', target)).toMatchObject({
        state: 'unproven',
        version: 'f1',
        dueAt: now,
        error: null,
      });
    }
    expect(await bench.events('a')).toEqual(['gcp failed', 'aws found', 'gcp found']);
  });

  test('recheck: a verified copy is to be read; any other stays', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    expect(await bench.record({ kind: 'recheck', id, target: 'aws' })).toBe(1);
    const due = { state: 'unproven', version: 'c1', dueAt: bench.clock.now(), evidence: evidence() };
    expect(await bench.copy('a')).toMatchObject(due);
    expect(await bench.record({ kind: 'recheck', id, target: 'aws' })).toBe(0);
  });

  test('a listing that was asked for before the copy changed, or just then, says nothing about it', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const { updatedAt: asOf } = await bench.copy('a');
    const before = await bench.object('a');
    for (const late of [asOf - 1, asOf]) {
      const about = { id, target: 'aws', asOf: late } as const;
      expect(await bench.record({ kind: 'missing', ...about }, { kind: 'foreign', version: 'x', ...about })).toBe(0);
    }
    expect(await bench.object('a')).toEqual(before);
  });

  test('findings about a target that the policy does not have change nothing', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const asOf = bench.tick();
    expect(
      await bench.record({ kind: 'missing', id, target: 'tape', asOf }, { kind: 'recheck', id, target: 'tape' }),
    ).toBe(0);
  });
}
