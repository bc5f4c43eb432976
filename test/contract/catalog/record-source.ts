import { expect, test } from 'vitest';
import { Bench, otherSha256, policy, settlement, sha256, targets, unavailable, version } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

export function recordSourceCases(create: CreateStore): void {
  test('new: pending everywhere, unproven where something stands at the key', async () => {
    await using bench = await Bench.create(create);
    const object = await bench.add('a', { gcp: 'g7', elsewhere: 'x' });
    const now = bench.clock.now();
    expect(object).toMatchObject({ key: 'a', ...version('v1'), state: 'present', sha256: null, attributes: null });
    expect(object).toMatchObject({ checksums: {}, observed: null, updatedAt: now });
    const fresh = { evidence: null, recorded: null, dueAt: now, attempts: 0, error: null, updatedAt: now };
    expect(await bench.copy('a', 'aws')).toEqual({ target: 'aws', state: 'pending', version: null, ...fresh });
    expect(await bench.copy('a', 'gcp')).toEqual({ target: 'gcp', state: 'unproven', version: 'g7', ...fresh });
    expect(object.copies).toHaveLength(targets.length);
    expect(await bench.events('a')).toEqual([]);
  });

  test('new: of a key that is known already changes nothing', async () => {
    await using bench = await Bench.create(create);
    const before = await bench.addVerified('a');
    const object = version('v2');
    expect(await bench.record({ kind: 'new', key: 'a', object, found: { aws: 'x' } })).toBe(0);
    expect(await bench.object('a')).toEqual(before);
  });

  test('overwritten: which digest its bytes are not of is kept with it, and a later one; no news to who did not look', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    const object = version('v2', 20);
    const overwritten = async (more: { readonly unlike?: string } = {}): Promise<number> => {
      const asOf = bench.tick();
      bench.tick();
      return await bench.record({ kind: 'overwritten', id, object, asOf, ...more });
    };
    const observed = async () => (await bench.object('a')).observed;
    expect(await overwritten()).toBe(1);
    expect(await observed()).toEqual({ kind: 'overwritten', ...object });
    expect(await overwritten({ unlike: sha256 })).toBe(1);
    expect(await observed()).toEqual({ kind: 'overwritten', ...object, unlike: sha256 });
    expect([await overwritten({ unlike: sha256 }), await overwritten()]).toEqual([0, 0]);
    expect(await overwritten({ unlike: otherSha256 })).toBe(1);
    expect(await observed()).toEqual({ kind: 'overwritten', ...object, unlike: otherSha256 });
    expect(await bench.record({ kind: 'overwritten', id, object: version('v3'), asOf: bench.tick() })).toBe(1);
    expect(await observed()).toEqual({ kind: 'overwritten', ...version('v3') });
  });

  test('overwritten: of an object with copies waits, undecided', async () => {
    await using bench = await Bench.create(create);
    const before = await bench.addVerified('a');
    const finding = { kind: 'overwritten', id: before.id, object: version('v2', 20), asOf: bench.tick() } as const;
    bench.tick();
    expect(await bench.record(finding)).toBe(1);
    const after = await bench.object('a');
    expect(after).toEqual({
      ...before,
      observed: { kind: 'overwritten', ...version('v2', 20) },
      updatedAt: bench.clock.now(),
    });
    expect(await bench.record({ ...finding, asOf: bench.tick() })).toBe(0);
    expect(await bench.object('a')).toEqual(after);
    expect(await bench.record({ ...finding, object: version('v3'), asOf: bench.tick() })).toBe(1);
    expect((await bench.object('a')).observed).toEqual({ kind: 'overwritten', ...version('v3') });
  });

  test('overwritten: of an object that was never copied anywhere applies at once', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a');
    const claim = await bench.claimOne();
    const retry = { target: 'aws', state: 'retry', dueAt: bench.clock.now() + 9999, error: unavailable } as const;
    await bench.catalog.settle([settlement(claim, { copies: [retry] })]);
    await bench.record({ kind: 'overwritten', id, object: version('v2', 20), asOf: bench.tick() });
    expect(await bench.object('a')).toMatchObject({ ...version('v2', 20), observed: null, state: 'present' });
    const copy = await bench.copy('a');
    expect(copy).toMatchObject({ state: 'pending', dueAt: bench.clock.now(), attempts: 0, error: null });
  });

  test('overwritten: of an object that may stand somewhere waits', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a', { gcp: 'g1' });
    await bench.record({ kind: 'overwritten', id, object: version('v2'), asOf: bench.tick() });
    expect(await bench.object('a')).toMatchObject({ version: 'v1', observed: { kind: 'overwritten', version: 'v2' } });
  });

  test('overwritten: by the version that the row has is present', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    bench.tick();
    await bench.record({ kind: 'overwritten', id, object: version('v1'), asOf: bench.tick() });
    expect((await bench.object('a')).observed).toBeNull();
  });

  test('vanished: of an object with copies waits, undecided; present takes it back', async () => {
    await using bench = await Bench.create(create);
    const copied = await bench.addVerified('a');
    const found = await bench.add('b', { gcp: 'g1' });
    for (const { id, key } of [copied, found]) {
      await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
      expect(await bench.object(key)).toMatchObject({ state: 'present', observed: { kind: 'vanished' } });
      expect(await bench.record({ kind: 'vanished', id, asOf: bench.tick() })).toBe(0);
      expect(await bench.record({ kind: 'present', id, asOf: bench.tick() })).toBe(1);
      expect((await bench.object(key)).observed).toBeNull();
      expect(await bench.record({ kind: 'present', id, asOf: bench.tick() })).toBe(0);
      expect(await bench.events(key)).toEqual(expect.arrayContaining(['observed-vanished', 'present']));
    }
  });

  test('present: a gone object is back, its verified copies still verified', async () => {
    await using bench = await Bench.create(create);
    const { id, copies } = await bench.addVerified('a');
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    await bench.catalog.decideObserved(policy, 'apply');
    expect(await bench.object('a')).toMatchObject({ state: 'gone', observed: null, sha256 });
    expect(await bench.record({ kind: 'vanished', id, asOf: bench.clock.advance(5) })).toBe(0);
    await bench.record({ kind: 'present', id, asOf: bench.tick() });
    expect(await bench.object('a')).toMatchObject({ state: 'present', copies });
  });

  test('a listing that was asked for before the row changed, or just then, says nothing about it', async () => {
    await using bench = await Bench.create(create);
    const { id, updatedAt: asOf } = await bench.addVerified('a');
    bench.tick();
    await bench.record({ kind: 'vanished', id, asOf: bench.clock.now() });
    const before = await bench.object('a');
    for (const late of [asOf, before.updatedAt]) {
      expect(
        await bench.record(
          { kind: 'present', id, asOf: late },
          { kind: 'overwritten', id, object: version('v2'), asOf: late },
        ),
      ).toBe(0);
    }
    expect(await bench.object('a')).toEqual(before);
  });

  test('findings about an object of another policy, or none, change nothing', async () => {
    await using bench = await Bench.create(create, [
      { name: policy, source: 's', targets, minCopies: 1 },
      { name: 'other', source: 's', targets, minCopies: 1 },
    ]);
    const before = await bench.addVerified('a');
    const { applied } = await bench.catalog.record('other', [
      { kind: 'vanished', id: before.id, asOf: bench.clock.now() + 1 },
      { kind: 'recheck', id: before.id, target: 'aws' },
      { kind: 'vanished', id: before.id + 1000, asOf: bench.clock.now() + 1 },
    ]);
    expect(applied).toBe(0);
    expect(await bench.object('a')).toEqual(before);
  });
}
