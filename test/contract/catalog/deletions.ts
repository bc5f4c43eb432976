import { expect, test } from 'vitest';
import type { DeletionOutcome, GoneClaim, GoneRequest } from '../../../src/catalog/deletions.ts';
import { Bench, policy, settlement, targets, unavailable, verified, version } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

const request: GoneRequest = { owner: 'me', policy, targets, until: Infinity, limit: 100, leaseMs: 60_000 };

const deleted = (target: string, name: string | null = 'c1'): DeletionOutcome => ({
  ...{ target, outcome: 'deleted', version: name, detail: `version ${name}` },
});

/** Makes it gone. @returns when that was. */
async function vanish(bench: Bench, key: string): Promise<number> {
  const { id } = await bench.object(key);
  await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
  bench.tick();
  await bench.catalog.decideObserved(policy, 'apply');
  const at = bench.clock.now();
  bench.tick();
  return at;
}

async function addGone(bench: Bench, key: string): Promise<number> {
  await bench.addVerified(key);
  return await vanish(bench, key);
}

async function claimGone(bench: Bench, more: Partial<GoneRequest> = {}): Promise<readonly GoneClaim[]> {
  return await bench.catalog.claimGone({ ...request, ...more });
}

async function claimOne(bench: Bench): Promise<GoneClaim> {
  const [claim] = await claimGone(bench);
  if (claim === undefined) throw new Error('nothing is gone');
  return claim;
}

const about = ({ objectId, token }: GoneClaim) => ({ objectId, token });

export function deletionCases(create: CreateStore): void {
  test('gone objects are counted and claimed by when it was decided, each once', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('present');
    const first = await addGone(bench, 'b');
    const second = await addGone(bench, 'a');
    expect(await bench.catalog.countGone(policy, {})).toEqual({ objects: 2, decisions: 2, oldestAt: first });
    expect(await bench.catalog.countGone(policy, { after: first })).toMatchObject({ objects: 1, oldestAt: second });
    expect(await bench.catalog.countGone(policy, { until: first })).toMatchObject({ objects: 1, oldestAt: first });
    expect(await bench.catalog.countGone(policy, { after: second })).toEqual({
      objects: 0,
      decisions: 0,
      oldestAt: null,
    });
    expect(await bench.catalog.countGoneCopies(policy, {})).toBe(6);
    expect(await bench.catalog.anyPresent(policy)).toMatchObject({ key: 'present' });
    expect(await claimGone(bench, { until: first - 1 })).toEqual([]);
    const [one] = await claimGone(bench, { limit: 1 });
    expect(one).toMatchObject({ goneAt: first, object: { key: 'b', state: 'gone' } });
    expect(await bench.claim({ dueBefore: Infinity })).toEqual([]);
    const rest = await claimGone(bench);
    expect(rest.map(({ object }) => object.key)).toEqual(['a']);
    bench.clock.advance(60_001);
    expect((await claimGone(bench, { after: one })).map(({ object }) => object.key)).toEqual(['a']);
  });

  test('objects that one decision made gone have one time', async () => {
    await using bench = await Bench.create(create);
    for (const key of ['a', 'b']) await bench.addVerified(key);
    for (const key of ['a', 'b']) {
      const { id } = await bench.object(key);
      await bench.record({ kind: 'vanished', id, asOf: bench.tick() });
    }
    await bench.catalog.decideObserved(policy, 'apply');
    expect(await bench.catalog.countGone(policy, {})).toMatchObject({ objects: 2, decisions: 1 });
  });

  test('what is present, undecided, worked on or elsewhere is not claimed', async () => {
    await using bench = await Bench.create(create);
    const at = await addGone(bench, 'again');
    await addGone(bench, 'changed');
    const [again, changed] = [await bench.object('again'), await bench.object('changed')];
    await bench.record(
      { kind: 'present', id: again.id, asOf: bench.tick() },
      { kind: 'overwritten', id: changed.id, object: version('v2'), asOf: bench.clock.now() },
    );
    expect(await claimGone(bench)).toEqual([]);
    bench.tick();
    const later = await vanish(bench, 'again');
    expect(later).toBeGreaterThan(at);
    expect(await claimGone(bench, { targets: [] })).toEqual([]);
    await bench.record({ kind: 'recheck', id: again.id, target: 'aws' });
    const work = (await bench.claim()).find(({ objectId }) => objectId === again.id);
    if (work === undefined) throw new Error('nobody works on it');
    expect(await claimGone(bench)).toEqual([]);
    await bench.catalog.settle([settlement(work, { copies: [{ target: 'aws', state: 'released' }] })]);
    expect(await claimGone(bench)).toHaveLength(1);
  });

  test('a deleted copy is counted, scanned, claimed and made due no more; the last one takes the object with it', async () => {
    await using bench = await Bench.create(create);
    await addGone(bench, 'a');
    const claim = await claimOne(bench);
    expect(await bench.catalog.settleDeletions([{ ...about(claim), copies: [deleted('aws')] }])).toEqual(['applied']);
    expect((await bench.object('a')).copies.map(({ target }) => target)).toEqual(['gcp', 'disk']);
    expect(await bench.events('a')).toContain('aws deleted');
    const counted = await bench.catalog.counts(policy);
    expect(counted).toMatchObject({ gone: 1, lost: 0, copies: { verified: 2, pending: 0 }, oldestPendingSince: null });
    expect(counted.byTarget['aws']).toMatchObject({ verified: 0, pending: 0 });
    expect(await bench.catalog.counts(policy, { prefix: 'a' })).toMatchObject({ copies: { verified: 2, pending: 0 } });
    await bench.catalog.makeDue(policy, {});
    expect(await bench.claim()).toEqual([]);
    expect(await bench.catalog.outstanding(policy, { targets })).toEqual({ due: 0, leased: 0, nextDueAt: null });
    expect(await bench.catalog.problems(policy, { limit: 10 })).toEqual([]);
    const standing = { kind: 'found', id: claim.objectId, target: 'aws', version: 'x', asOf: bench.tick() } as const;
    expect(await bench.record(standing)).toBe(0);
    expect(await claimGone(bench, { targets: ['aws'] })).toEqual([]);

    const next = await claimOne(bench);
    const copies = [deleted('gcp'), { ...deleted('disk'), outcome: 'left' as const }];
    expect(await bench.catalog.settleDeletions([{ ...about(next), copies }])).toEqual(['forgotten']);
    expect(await bench.catalog.inspect(policy, 'a')).toBeUndefined();
    expect(await bench.catalog.counts(policy)).toMatchObject({ gone: 0, copies: { verified: 0 } });
  });

  test('an object without a good copy is not lost once some of its copies were deleted', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    await bench.record({ kind: 'missing', id, target: 'gcp', asOf: bench.tick() });
    await bench.record({ kind: 'missing', id, target: 'disk', asOf: bench.tick() });
    await vanish(bench, 'a');
    const claim = await claimOne(bench);
    await bench.catalog.settleDeletions([{ ...about(claim), copies: [deleted('aws')] }]);
    expect(await bench.catalog.counts(policy)).toMatchObject({ lost: 0, copies: { damaged: 2, verified: 0 } });
    // Nothing is known to stand at the others: they need no target that can be reached.
    const [rest] = await claimGone(bench, { targets: [] });
    const copies = [deleted('gcp', null), deleted('disk', null)];
    expect(rest && (await bench.catalog.settleDeletions([{ ...about(rest), copies }]))).toEqual(['forgotten']);
  });

  test.each(['present', 'overwritten'] as const)(
    'an object that is there again (%s) gets the deleted copies anew',
    async (kind) => {
      await using bench = await Bench.create(create);
      await addGone(bench, 'a');
      const claim = await claimOne(bench);
      await bench.catalog.settleDeletions([{ ...about(claim), copies: [deleted('aws')] }]);
      const asOf = bench.tick();
      const id = claim.objectId;
      if (kind === 'present') await bench.record({ kind, id, asOf });
      else {
        await bench.record({ kind, id, object: version('v2'), asOf });
        await bench.catalog.decideObserved(policy, 'apply');
      }
      expect(await bench.object('a')).toMatchObject({ state: 'present' });
      expect(await bench.copy('a')).toMatchObject({ state: 'pending', version: null, dueAt: bench.clock.now() });
      expect(await bench.claim()).toMatchObject([{ targets: kind === 'present' ? ['aws'] : targets }]);
      expect((await bench.catalog.counts(policy)).byTarget['aws']).toMatchObject({ pending: 1 });
      expect(await bench.catalog.countGone(policy, {})).toMatchObject({ objects: 0 });
    },
  );

  test('the source has it after all: present with the same version, undecided with another', async () => {
    await using bench = await Bench.create(create);
    for (const key of ['a', 'b']) await addGone(bench, key);
    const [a, b] = await claimGone(bench);
    if (a === undefined || b === undefined) throw new Error('not both are gone');
    const seen = { kind: 'overwritten', ...version('v1') } as const;
    await bench.catalog.settleDeletions([
      { ...about(a), observed: seen, copies: [] },
      { ...about(b), observed: { ...seen, version: 'v2' }, copies: [] },
    ]);
    expect(await bench.object('a')).toMatchObject({ state: 'present', observed: null });
    expect(await bench.object('b')).toMatchObject({ state: 'gone', observed: { version: 'v2' } });
    expect(await claimGone(bench)).toEqual([]);
  });

  test('what was deleted of an object that came back meanwhile is missing, due now', async () => {
    await using bench = await Bench.create(create);
    await addGone(bench, 'a');
    const claim = await claimOne(bench);
    await bench.record({ kind: 'present', id: claim.objectId, asOf: bench.tick() });
    const now = bench.tick();
    expect(await bench.catalog.settleDeletions([{ ...about(claim), copies: [deleted('aws')] }])).toEqual(['applied']);
    expect(await bench.copy('a')).toMatchObject({ state: 'damaged', version: null, dueAt: now });
    expect(await bench.copy('a', 'gcp')).toMatchObject({ state: 'verified' });
  });

  test('a token that is not the newest frees nothing, and its deletions are facts all the same', async () => {
    await using bench = await Bench.create(create);
    await addGone(bench, 'a');
    const old = await claimOne(bench);
    bench.clock.advance(60_001);
    const newer = await claimOne(bench);
    expect(newer.token).toBeGreaterThan(old.token);
    const all = targets.map((target) => deleted(target));
    expect(await bench.catalog.settleDeletions([{ ...about(old), copies: all }])).toEqual(['stale']);
    expect(await claimGone(bench)).toEqual([]);
    expect(await bench.catalog.settleDeletions([{ ...about(newer), copies: all }])).toEqual(['forgotten']);
    expect(await bench.catalog.settleDeletions([{ ...about(newer), copies: all }])).toEqual(['stale']);
  });

  test('a deletion of another version than the row has says nothing of the copy', async () => {
    await using bench = await Bench.create(create);
    await addGone(bench, 'a');
    const claim = await claimOne(bench);
    const copies = [deleted('aws', 'c0')];
    expect(await bench.catalog.settleDeletions([{ ...about(claim), copies }])).toEqual(['applied']);
    expect(await bench.copy('a')).toMatchObject({ state: 'verified', version: 'c1' });
  });

  test('work on the other copies goes on, and a deleted one cannot be settled', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.addVerified('a');
    await bench.record({ kind: 'missing', id, target: 'gcp', asOf: bench.tick() });
    await vanish(bench, 'a');
    const claim = await claimOne(bench);
    await bench.catalog.settleDeletions([{ ...about(claim), copies: [deleted('aws')] }]);
    const work = await bench.claimOne();
    expect(work.targets).toEqual(['gcp']);
    const copies = [verified('aws', 'c9'), { target: 'gcp', state: 'retry', dueAt: 1, error: unavailable } as const];
    await bench.catalog.settle([settlement(work, { copies })]);
    expect((await bench.object('a')).copies.map(({ target }) => target)).toEqual(['gcp', 'disk']);
  });
}
