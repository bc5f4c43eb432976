import { expect, test } from 'vitest';
import { Bench, evidence, policy, sha256, targets, version } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

export function decideCases(create: CreateStore): void {
  test('apply: what was overwritten is the new version, to be copied; old copies are still named', async () => {
    await using bench = await Bench.create(create);
    await observeBoth(bench);
    const now = bench.tick();
    expect(await bench.catalog.decideObserved(policy, 'apply')).toBe(2);
    const object = await bench.object('x/over');
    expect(object).toMatchObject({ ...version('v2', 20), state: 'present', sha256: null, attributes: null });
    expect(object).toMatchObject({ checksums: {}, observed: null, updatedAt: now });
    for (const target of targets) {
      const copy = await bench.copy('x/over', target);
      expect(copy).toMatchObject({ state: 'pending', version: 'c1', dueAt: now, evidence: evidence(), updatedAt: now });
    }
    expect(await bench.events('x/over')).toContain('overwritten');
    expect(await bench.catalog.decideObserved(policy, 'apply')).toBe(0);
  });

  test('apply: what vanished is gone, its copies untouched', async () => {
    await using bench = await Bench.create(create);
    await observeBoth(bench);
    const before = await bench.object('y/gone');
    await bench.catalog.decideObserved(policy, 'apply');
    const after = await bench.object('y/gone');
    expect(after).toMatchObject({ state: 'gone', observed: null, sha256, version: 'v1' });
    expect(after.copies).toEqual(before.copies);
    expect(await bench.events('y/gone')).toContain('gone');
  });

  test('apply: a gone object that is there again with another version is present', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    await bench.catalog.decideObserved(policy, 'apply');
    bench.tick();
    await bench.record({ kind: 'overwritten', id, object: version('v2'), asOf: bench.tick() });
    expect(await bench.object('a')).toMatchObject({ state: 'gone', observed: { version: 'v2' } });
    await bench.catalog.decideObserved(policy, 'apply');
    expect(await bench.object('a')).toMatchObject({ state: 'present', version: 'v2' });
  });

  test('drop: the change is forgotten, everything else stays', async () => {
    await using bench = await Bench.create(create);
    await observeBoth(bench);
    const before = await bench.object('x/over');
    const updatedAt = bench.tick();
    expect(await bench.catalog.decideObserved(policy, 'drop')).toBe(2);
    expect(await bench.object('x/over')).toEqual({ ...before, observed: null, updatedAt });
    expect(await bench.object('y/gone')).toMatchObject({ state: 'present', observed: null });
    expect((await bench.catalog.counts(policy)).observed).toBe(0);
  });

  test('more than were judged: nothing is decided', async () => {
    await using bench = await Bench.create(create);
    await observeBoth(bench);
    const before = [await bench.object('x/over'), await bench.object('y/gone')];
    for (const decision of ['apply', 'drop'] as const) {
      expect(await bench.catalog.decideObserved(policy, decision, { atMost: 1 })).toBeNull();
    }
    expect([await bench.object('x/over'), await bench.object('y/gone')]).toEqual(before);
    expect(await bench.catalog.decideObserved(policy, 'apply', { prefix: 'y/', atMost: 1 })).toBe(1);
    expect(await bench.catalog.decideObserved(policy, 'apply', { atMost: 1 })).toBe(1);
    expect(await bench.catalog.decideObserved(policy, 'apply', { atMost: 0 })).toBe(0);
  });

  test('only below the prefix', async () => {
    await using bench = await Bench.create(create);
    await observeBoth(bench);
    expect(await bench.catalog.decideObserved(policy, 'apply', { prefix: 'y/' })).toBe(1);
    expect(await bench.object('y/gone')).toMatchObject({ state: 'gone' });
    expect(await bench.object('x/over')).toMatchObject({ version: 'v1', observed: { kind: 'overwritten' } });
    expect(await bench.catalog.counts(policy)).toMatchObject({ observed: 1, gone: 1, objects: 1 });
  });
}

async function observeBoth(bench: Bench): Promise<void> {
  const over = await bench.addVerified('x/over');
  const gone = await bench.addVerified('y/gone');
  const asOf = bench.tick();
  const object = version('v2', 20);
  await bench.record({ kind: 'overwritten', id: over.id, object, asOf }, { kind: 'vanished', id: gone.id, asOf });
}
