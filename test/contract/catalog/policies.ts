import { expect, test } from 'vitest';
import type { Hold } from '../../../src/catalog/holds.ts';
import type { PolicyState } from '../../../src/catalog/policies.ts';
import { keyFromBytes } from '../../../src/objects/key.ts';
import { UsageError } from '../../../src/objects/errors.ts';
import { Bench, policy, policyRow, targets, unavailable } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

export function policyCases(create: CreateStore): void {
  test('a policy it was never told of is refused by name', async () => {
    await using bench = await Bench.create(create);
    await expect(bench.catalog.readPolicy('music')).rejects.toThrow(/"music"/);
    await expect(bench.catalog.record('music', [])).rejects.toThrow(UsageError);
  });

  test('a target that is added gets a pending copy of every object, gone ones too', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('a');
    await bench.add('b');
    bench.tick();
    await bench.catalog.syncPolicies([{ ...policyRow, targets: [...policyRow.targets, 'azure'] }], { forget: true });
    for (const key of ['a', 'b']) {
      const copy = await bench.copy(key, 'azure');
      expect(copy).toMatchObject({ state: 'pending', version: null, dueAt: bench.clock.now(), attempts: 0 });
    }
    expect(await bench.copy('a', 'aws')).toMatchObject({ state: 'verified' });
    await bench.add('c');
    expect((await bench.object('c')).copies).toHaveLength(4);
  });

  test('copies of a target that was removed are forgotten, and are pending when it comes back', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('a');
    await bench.catalog.syncPolicies([{ ...policyRow, targets: ['aws', 'gcp'] }], { forget: true });
    expect((await bench.object('a')).copies.map((copy) => copy.target)).toEqual(['aws', 'gcp']);
    await bench.catalog.syncPolicies([policyRow], { forget: true });
    const states = (await bench.object('a')).copies.map((copy) => [copy.target, copy.state]);
    expect(Object.fromEntries(states)).toEqual({ aws: 'verified', gcp: 'verified', disk: 'pending' });
  });

  test('without forgetting, a configuration that lacks a target or a policy takes nothing from the others', async () => {
    await using bench = await Bench.create(create);
    const before = await bench.addVerified('a');
    await bench.add('b');
    const counts = await bench.catalog.counts(policy);
    const asking = await bench.another();
    const narrow = { ...policyRow, source: 'elsewhere', targets: ['aws'], minCopies: 1 };
    for (const policies of [[narrow], [{ ...policyRow, name: 'other' }]]) {
      await asking.syncPolicies(policies, { forget: false });
      expect(await bench.object('a')).toEqual(before);
      expect(await bench.catalog.counts(policy)).toEqual(counts);
    }
    await bench.add('c');
    expect((await bench.object('c')).copies).toHaveLength(3);
    expect(await bench.claim()).toMatchObject([
      { object: { key: 'b' }, source: 'primary', targets: { length: 3 } },
      { object: { key: 'c' }, source: 'primary', targets: { length: 3 } },
    ]);
    await bench.catalog.syncPolicies([policyRow], { forget: true });
    expect(await bench.object('a')).toEqual(before);
  });

  test('without forgetting, what is new is made known', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('a');
    const asking = await bench.another();
    const wide = { ...policyRow, targets: [...targets, 'azure'] };
    await asking.syncPolicies([wide, { ...policyRow, name: 'other' }], { forget: false });
    expect((await asking.counts(policy)).byTarget['azure']).toMatchObject({ pending: 1 });
    expect((await bench.catalog.counts(policy)).byTarget).not.toHaveProperty('azure');
    expect(await bench.catalog.readPolicy('other')).toMatchObject({ name: 'other' });
    await bench.add('b');
    expect(await bench.copy('b', 'azure')).toMatchObject({ state: 'pending' });
  });

  test('counts and problems leave out targets that the policy does not have', async () => {
    await using bench = await Bench.create(create);
    await bench.addVerified('a');
    const { id } = await bench.addVerified('b');
    const since = bench.tick();
    await bench.record({ kind: 'recheck', id, target: 'disk' });
    bench.clock.advance(100);
    await bench.record({ kind: 'recheck', id, target: 'gcp' });
    await bench.catalog.syncPolicies([{ ...policyRow, targets: ['aws', 'gcp'] }], { forget: false });
    const expected = {
      '': { objects: 2, safe: 1, atRisk: { primary: 0, aws: 0, gcp: 0 } },
      b: { objects: 1, safe: 0 },
    };
    for (const [prefix, some] of Object.entries(expected)) {
      const counts = await bench.catalog.counts(policy, { prefix });
      expect(counts).toMatchObject({ ...some, oldestPendingSince: since + 100 });
      const verified = 2 * some.objects - 1;
      expect(counts.copies).toEqual({ pending: 0, unproven: 1, verified, damaged: 0, failed: 0 });
      expect(Object.keys(counts.byTarget)).toEqual(['aws', 'gcp']);
      const problems = await bench.catalog.problems(policy, { prefix, limit: 9 });
      expect(problems).toMatchObject([{ key: 'b', target: 'gcp' }]);
    }
    await bench.catalog.syncPolicies([{ ...policyRow, targets: ['aws'], minCopies: 1 }], { forget: false });
    expect(await bench.catalog.counts(policy)).toMatchObject({ safe: 2, oldestPendingSince: null });
  });

  test('telling it the same policies again changes nothing', async () => {
    await using bench = await Bench.create(create);
    const before = await bench.addVerified('a');
    await bench.catalog.syncPolicies([policyRow], { forget: true });
    expect(await bench.object('a')).toEqual(before);
  });

  test('the rows of a policy that was removed stay, unclaimed, and go on when it comes back', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    await bench.catalog.syncPolicies([{ ...policyRow, name: 'other' }], { forget: true });
    expect(await bench.claim()).toEqual([]);
    await bench.catalog.syncPolicies([{ ...policyRow, source: 'secondary' }], { forget: true });
    expect(await bench.claimOne()).toMatchObject({ policy, source: 'secondary' });
  });

  test('two policies may have the same keys', async () => {
    await using bench = await Bench.create(create, [policyRow, { ...policyRow, name: 'other', targets: ['aws'] }]);
    await bench.add('a');
    await bench.catalog.record('other', [
      { kind: 'new', key: 'a', object: { version: 'o1', size: 1, modifiedAt: 1 }, found: {} },
    ]);
    expect((await bench.object('a')).version).toBe('v1');
    expect(await bench.claim({ policies: ['other'] })).toMatchObject([{ policy: 'other', targets: ['aws'] }]);
  });

  test('a policy begins empty and remembers what it is told, each field for itself', async () => {
    await using bench = await Bench.create(create);
    const empty = { name: policy, sourceIdentity: null, lastPass: null, lastCompletePassAt: null, hold: null };
    expect(await bench.catalog.readPolicy(policy)).toEqual(empty);
    const hold: Hold = { since: 5, reasons: ['many'], overwritten: 1, vanished: 2, known: 9, sample: [notUnicode] };
    const lastPass: PolicyState['lastPass'] = { startedAt: 1, finishedAt: 2, outcome: 'held', reasons: ['r'] };
    await bench.catalog.updatePolicy(policy, { hold, sourceIdentity: 'bucket-1' });
    await bench.catalog.updatePolicy(policy, { lastPass, lastCompletePassAt: 7 });
    const other = await bench.another();
    expect(await other.readPolicy(policy)).toEqual({
      name: policy,
      sourceIdentity: 'bucket-1',
      lastPass,
      lastCompletePassAt: 7,
      hold,
    });
    await bench.catalog.updatePolicy(policy, { hold: null });
    expect(await other.readPolicy(policy)).toMatchObject({ hold: null, sourceIdentity: 'bucket-1' });
    await bench.catalog.syncPolicies([policyRow], { forget: true });
    expect(await other.readPolicy(policy)).toMatchObject({ sourceIdentity: 'bucket-1', lastCompletePassAt: 7 });
  });

  test('of the providers the newest word stays', async () => {
    await using bench = await Bench.create(create);
    const up = { provider: 'aws', state: 'up', lastError: null, at: 10 } as const;
    const down = { provider: 'gcp', state: 'down', lastError: { ...unavailable, at: 9 }, at: 10 } as const;
    await bench.catalog.noteProviders([up, down]);
    const other = await bench.another();
    await other.noteProviders([{ ...up, state: 'degraded', at: 9 }]);
    await other.noteProviders([{ ...down, state: 'up', at: 11 }]);
    expect(await bench.catalog.readProviders()).toEqual([up, { ...down, state: 'up', at: 11 }]);
  });
}

const notUnicode = keyFromBytes(Uint8Array.of(0x61, 0xff));
