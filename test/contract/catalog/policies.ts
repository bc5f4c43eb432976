import { expect, test } from 'vitest';
import type { Hold, PolicyState } from '../../../src/catalog/catalog.ts';
import { keyFromBytes } from '../../../src/objects/key.ts';
import { UsageError } from '../../../src/objects/errors.ts';
import { Bench, policy, policyRow, unavailable } from './fixture.ts';
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
    await bench.catalog.syncPolicies([{ ...policyRow, targets: [...policyRow.targets, 'azure'] }]);
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
    await bench.catalog.syncPolicies([{ ...policyRow, targets: ['aws', 'gcp'] }]);
    expect((await bench.object('a')).copies.map((copy) => copy.target)).toEqual(['aws', 'gcp']);
    await bench.catalog.syncPolicies([policyRow]);
    const states = (await bench.object('a')).copies.map((copy) => [copy.target, copy.state]);
    expect(Object.fromEntries(states)).toEqual({ aws: 'verified', gcp: 'verified', disk: 'pending' });
  });

  test('telling it the same policies again changes nothing', async () => {
    await using bench = await Bench.create(create);
    const before = await bench.addVerified('a');
    await bench.catalog.syncPolicies([policyRow]);
    expect(await bench.object('a')).toEqual(before);
  });

  test('the rows of a policy that was removed stay, unclaimed, and go on when it comes back', async () => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    await bench.catalog.syncPolicies([{ ...policyRow, name: 'other' }]);
    expect(await bench.claim()).toEqual([]);
    await bench.catalog.syncPolicies([{ ...policyRow, source: 'secondary' }]);
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
    const hold: Hold = { since: 5, reasons: ['many'], overwritten: 1, vanished: 2, sample: [notUnicode] };
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
    await bench.catalog.syncPolicies([policyRow]);
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
