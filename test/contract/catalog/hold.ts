import { expect, test } from 'vitest';
import type { Hold } from '../../../src/catalog/holds.ts';
import { Bench, policy, sha256, targets, version } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

const hold: Hold = { since: 5, reasons: ['many'], overwritten: 1, vanished: 1, known: 2, sample: ['x/over'] };
const by = 'ana@desk';

export function holdCases(create: CreateStore): void {
  test('released: what is held is applied at once, the hold ends, and who did it is known', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    const at = bench.tick();
    const decided = { overwritten: 1, vanished: 1 };
    expect(await release(bench)).toEqual({ outcome: 'released', ...decided, hold });
    expect(await bench.object('x/over')).toMatchObject({ version: 'v2', observed: null, rejected: null });
    expect(await bench.object('y/gone')).toMatchObject({ state: 'gone', observed: null, rejected: null });
    expect(await bench.catalog.readPolicy(policy)).toMatchObject({ hold: null, sourceIdentity: 'bucket-1' });
    const other = await bench.another();
    expect(await other.decisions(policy, { limit: 9 })).toEqual([
      { id: expect.any(Number) as number, at, decision: 'released', by, hold },
    ]);
    expect(await release(bench)).toEqual({ outcome: 'nothing-held' });
  });

  test('rejected: rows and copies stay, and the very same change is no news', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    const before = await bench.object('x/over');
    const updatedAt = bench.tick();
    expect(await reject(bench)).toMatchObject({ outcome: 'rejected', overwritten: 1, vanished: 1, hold });
    const rejected = { kind: 'overwritten', version: 'v2' };
    expect(await bench.object('x/over')).toEqual({ ...before, observed: null, rejected, updatedAt });
    expect(await bench.object('y/gone')).toMatchObject({ state: 'present', rejected: { kind: 'vanished' }, sha256 });
    expect(await bench.catalog.counts(policy)).toMatchObject({ objects: 2, observed: 0, rejected: 2, lost: 0 });
    expect((await bench.catalog.counts(policy, { prefix: 'y/' })).rejected).toBe(1);
    bench.tick();
    expect(await observe(bench, 'v2')).toBe(0);
    expect(await bench.catalog.decideObserved(policy, 'apply')).toBe(0);
    expect(await bench.events('x/over')).toContain('rejected');
    expect(await bench.catalog.readPolicy(policy)).toMatchObject({ hold: null });
    expect(await reject(bench)).toEqual({ outcome: 'nothing-held' });
    expect((await bench.catalog.decisions(policy, { limit: 9 })).map(({ decision }) => decision)).toEqual(['rejected']);
  });

  test('another version than the rejected one waits for a person, whatever a pass lets through', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    await reject(bench);
    bench.tick();
    expect(await observe(bench, 'v3', 'v3')).toBe(2);
    for (const key of ['x/over', 'y/gone']) {
      expect(await bench.object(key)).toMatchObject({ rejected: {}, observed: { version: 'v3' } });
    }
    expect(await bench.catalog.counts(policy)).toMatchObject({ observed: 2, rejected: 2, contested: 2 });
    expect((await bench.catalog.counts(policy, { prefix: 'y/' })).contested).toBe(1);
    await bench.addVerified('z');
    const { id } = await bench.object('z');
    await bench.record({ kind: 'overwritten', id, object: version('v2'), asOf: bench.tick() });
    expect(await bench.catalog.decideObserved(policy, 'apply', { atMost: 2 })).toBe(null);
    expect(await bench.catalog.decideObserved(policy, 'apply', { atMost: 3 })).toBe(1);
    expect(await bench.object('x/over')).toMatchObject({ version: 'v1', rejected: { version: 'v2' } });
    expect(await release(bench)).toEqual({ outcome: 'nothing-held' });
    await bench.catalog.decideObserved(policy, 'drop');
    expect(await bench.catalog.counts(policy)).toMatchObject({ observed: 0, rejected: 2, contested: 0 });
  });

  test('what changed once more after a rejection: released, applied; rejected, kept against the newer change', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    await reject(bench);
    bench.tick();
    await observe(bench, 'v3', 'v3');
    await bench.catalog.updatePolicy(policy, { hold });
    expect(await reject(bench)).toMatchObject({ outcome: 'rejected', overwritten: 2, vanished: 0 });
    for (const key of ['x/over', 'y/gone']) {
      const kept = { version: 'v1', rejected: { kind: 'overwritten', version: 'v3' }, observed: null };
      expect(await bench.object(key)).toMatchObject(kept);
    }
    bench.tick();
    expect(await observe(bench, 'v3', 'v3')).toBe(0);
    expect(await observe(bench, 'v4')).toBe(2);
    await bench.catalog.updatePolicy(policy, { hold });
    expect(await release(bench)).toMatchObject({ outcome: 'released', overwritten: 1, vanished: 1 });
    expect(await bench.object('x/over')).toMatchObject({ version: 'v4', rejected: null, observed: null });
    expect(await bench.object('y/gone')).toMatchObject({ state: 'gone', rejected: null, observed: null });
  });

  test('the source shows again what was rejected: what came after it is withdrawn, the rejection stays', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    await reject(bench);
    bench.tick();
    expect(await observe(bench, 'v3', 'v3')).toBe(2);
    bench.tick();
    expect(await observe(bench, 'v2')).toBe(2);
    expect(await bench.object('x/over')).toMatchObject({ observed: null, rejected: { version: 'v2' } });
    expect(await bench.object('y/gone')).toMatchObject({ observed: null, rejected: { kind: 'vanished' } });
    bench.tick();
    expect(await observe(bench, 'v2')).toBe(0);
    expect(await bench.catalog.counts(policy)).toMatchObject({ observed: 0, rejected: 2, contested: 0 });
  });

  test('what is back as it was ends the rejection', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    await reject(bench);
    bench.tick();
    expect(await observe(bench, 'v1', 'v1')).toBe(2);
    for (const key of ['x/over', 'y/gone']) {
      expect(await bench.object(key)).toMatchObject({ rejected: null, observed: null, state: 'present' });
    }
  });

  test('a rejected object that vanishes waits for a person; one that is gone again is as it was', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    await reject(bench);
    const { id } = await bench.object('x/over');
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    expect(await bench.object('x/over')).toMatchObject({ rejected: {}, observed: { kind: 'vanished' } });
    expect(await bench.catalog.decideObserved(policy, 'apply')).toBe(0);
    await bench.catalog.updatePolicy(policy, { hold });
    await release(bench);
    bench.tick();
    await bench.record({ kind: 'overwritten', id, object: version('v9'), asOf: bench.tick() });
    await bench.catalog.updatePolicy(policy, { hold });
    await reject(bench);
    const kept = { state: 'gone', observed: null, rejected: { kind: 'overwritten', version: 'v9' } };
    expect(await bench.object('x/over')).toMatchObject(kept);
    bench.tick();
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    expect(await bench.object('x/over')).toMatchObject({ state: 'gone', observed: null, rejected: null });
  });

  test('a worker that read the source before does not undo the rejection', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    const { id } = await bench.object('x/over');
    await bench.record({ kind: 'recheck', id, target: 'aws' });
    const claim = await bench.claimOne();
    await reject(bench);
    const observed = { kind: 'overwritten', ...version('v2', 20) } as const;
    const { objectId, token, object } = claim;
    await bench.catalog.settle([{ objectId, token, version: object.version, observed, copies: [], last: true }]);
    expect(await bench.object('x/over')).toMatchObject({ observed: null, rejected: { version: 'v2' } });
  });

  test('no copy of a rejected object is good any more: it is lost', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    await reject(bench);
    const { id } = await bench.object('x/over');
    const asOf = bench.tick();
    for (const target of targets) await bench.record({ kind: 'missing', id, target, asOf });
    expect((await bench.catalog.counts(policy)).lost).toBe(1);
  });

  test('what no target ever held is not kept', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    const { id } = await bench.add('new');
    await bench.claimOne();
    await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    expect(await reject(bench)).toMatchObject({ overwritten: 1, vanished: 1 });
    expect(await bench.object('new')).toMatchObject({ rejected: null, observed: { kind: 'vanished' } });
  });

  test('a release without a hold takes rejections back', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    await reject(bench);
    bench.tick();
    expect(await release(bench)).toEqual({ outcome: 'taken-back', overwritten: 1, vanished: 1 });
    expect(await bench.catalog.counts(policy)).toMatchObject({ observed: 0, rejected: 0, contested: 0 });
    bench.tick();
    expect(await observe(bench, 'v2')).toBe(2);
    const decided = await bench.catalog.decisions(policy, { limit: 9 });
    expect(decided.map(({ decision }) => decision)).toEqual(['released', 'rejected']);
    expect(await bench.catalog.decisions(policy, { limit: 1 })).toEqual(decided.slice(0, 1));
  });

  test('a source that is another one is accepted by a release, not by a rejection', async () => {
    await using bench = await Bench.create(create);
    for (const [decide, identity] of [
      [reject, 'bucket-1'],
      [release, 'bucket-2'],
    ] as const) {
      await bench.catalog.updatePolicy(policy, {
        sourceIdentity: 'bucket-1',
        hold: { ...hold, sourceIdentity: 'bucket-2' },
      });
      await decide(bench);
      expect(await bench.catalog.readPolicy(policy)).toMatchObject({ hold: null, sourceIdentity: identity });
    }
  });

  test('what was not listed to its end cannot be released, only rejected', async () => {
    await using bench = await Bench.create(create);
    const failed = { ...hold, listingFailed: true };
    await holdBoth(bench, failed);
    expect(await release(bench)).toEqual({ outcome: 'not-listed', hold: failed });
    expect(await bench.catalog.counts(policy)).toMatchObject({ observed: 2 });
    expect(await bench.catalog.readPolicy(policy)).toMatchObject({ hold: failed });
    expect(await bench.catalog.decisions(policy, { limit: 9 })).toEqual([]);
    expect(await reject(bench)).toMatchObject({ outcome: 'rejected' });
  });

  test('more than the person could see are not released', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    const few = await bench.catalog.decideHold(policy, 'released', { by, atMost: 1 });
    expect(few).toEqual({ outcome: 'too-many', held: 2, hold });
    expect(await bench.catalog.counts(policy)).toMatchObject({ observed: 2 });
    const enough = await bench.catalog.decideHold(policy, 'released', { by, atMost: 2 });
    expect(enough).toMatchObject({ outcome: 'released' });
  });

  test('a pass that began before a decision does not bring the hold back', async () => {
    await using bench = await Bench.create(create);
    await holdBoth(bench);
    const pass = await bench.another();
    await reject(bench);
    const lastPass = { startedAt: 1, finishedAt: 2, outcome: 'held', reasons: [] } as const;
    await pass.updatePolicy(policy, { hold, lastPass }, { decidedUpTo: 0 });
    expect(await bench.catalog.readPolicy(policy)).toMatchObject({ hold: null, lastPass });
    const [newest] = await bench.catalog.decisions(policy, { limit: 1 });
    await pass.updatePolicy(policy, { hold }, { decidedUpTo: newest?.id ?? 0 });
    expect(await bench.catalog.readPolicy(policy)).toMatchObject({ hold });
  });

  test('a row that changed under a clock that was ahead takes news all the same', async () => {
    await using bench = await Bench.create(create);
    bench.clock.advance(1_000_000);
    const { id } = await bench.addVerified('a');
    bench.clock.advance(-900_000);
    const asOf = bench.clock.now();
    expect(await bench.record({ kind: 'overwritten', id, object: version('v2'), asOf })).toBe(1);
    await bench.record({ kind: 'missing', id, target: 'aws', asOf: bench.tick() });
    expect(await bench.copy('a', 'aws')).toMatchObject({ state: 'damaged' });
  });
}

async function release(bench: Bench) {
  return await bench.catalog.decideHold(policy, 'released', { by });
}

async function reject(bench: Bench) {
  return await bench.catalog.decideHold(policy, 'rejected', { by });
}

/** What a pass sees of `x/over` and `y/gone`. @returns how many findings were applied. */
async function observe(bench: Bench, over: string, gone?: string): Promise<number> {
  const [one, two] = [await bench.object('x/over'), await bench.object('y/gone')];
  const asOf = bench.tick();
  const seen = (id: number, name: string) =>
    name === 'v1'
      ? ({ kind: 'present', id, asOf } as const)
      : ({ kind: 'overwritten', id, object: version(name, 20), asOf } as const);
  const other = gone === undefined ? ({ kind: 'vanished', id: two.id, asOf } as const) : seen(two.id, gone);
  return await bench.record(seen(one.id, over), other);
}

async function holdBoth(bench: Bench, why: Hold = hold): Promise<void> {
  for (const key of ['x/over', 'y/gone']) await bench.addVerified(key);
  await observe(bench, 'v2');
  await bench.catalog.updatePolicy(policy, { hold: why, sourceIdentity: 'bucket-1' });
}
