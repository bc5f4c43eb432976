import { expect, test } from 'vitest';
import type { DrillResult } from '../../../src/catalog/drills.ts';
import { Bench, policy, policyRow, targets } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

const hour = 3_600_000;

const good: DrillResult = {
  ...{ at: 5, objects: 3, failed: 0, failure: null, bytes: 30, seconds: 1.5, bytesPerSecond: 20 },
  ...{ firstByteSeconds: 0.1, recoverySeconds: 100, tooLarge: 0 },
};
const failure = { key: 'a\udc80', code: 'checksum-mismatch', message: 'it is damaged' } as const;
const bad: DrillResult = { ...good, at: 6, failed: 1, failure };

export function drillCases(create: CreateStore): void {
  const fractions = (count: number): number[] => Array.from({ length: count }, (_, index) => (index + 0.5) / count);

  test('drawn: evenly from the first object to the last, of this policy only, where the copy is verified', async () => {
    const other = { ...policyRow, name: 'other' };
    await using bench = await Bench.create(create, [policyRow, other]);
    for (const key of ['a', 'b', 'c', 'd']) await bench.addVerified(key);
    await bench.catalog.record('other', [
      { kind: 'new', key: 'z', object: { version: 'v1', size: 1, modifiedAt: 1 }, found: {} },
    ]);
    const draw = async (draws: readonly number[], target = 'aws'): Promise<string[]> =>
      (await bench.catalog.drills.draw(policy, { target, draws, exact: true })).map(({ key }) => key);
    expect(await draw(fractions(4))).toEqual(['a', 'b', 'c', 'd']);
    expect(await draw([0.99, 0, 0.99])).toEqual(['d', 'a', 'd']);
    expect(await draw(fractions(4), 'nowhere')).toEqual([]);
    const { id } = await bench.object('b');
    await bench.record({ kind: 'missing', id, target: 'aws', asOf: bench.tick() });
    expect(await draw(fractions(4))).toEqual(['a', 'c', 'd']);
    expect(await draw(fractions(4), 'gcp')).toEqual(['a', 'b', 'c', 'd']);
    expect(await bench.catalog.drills.draw('other', { target: 'aws', draws: fractions(9), exact: false })).toEqual([]);
  });

  test('drawn: a place where no object is any more is void, or stands for the next one', async () => {
    const other = { ...policyRow, name: 'other' };
    await using bench = await Bench.create(create, [policyRow, other]);
    await bench.addVerified('a');
    const between = ['x', 'y'].map((key) => ({
      ...{ kind: 'new' as const, key, found: {} },
      object: { version: 'v1', size: 1, modifiedAt: 1 },
    }));
    await bench.catalog.record('other', between);
    await bench.addVerified('b');
    const draw = async (exact: boolean): Promise<string[]> =>
      (await bench.catalog.drills.draw(policy, { target: 'aws', draws: fractions(4), exact })).map(({ key }) => key);
    expect(await draw(true)).toEqual(['a', 'b']);
    expect(await draw(false)).toEqual(['a', 'b', 'b', 'b']);
  });

  test('drills: one begins at a time, by whomever, until the rest is over; a clock that was ahead puts none off', async () => {
    await using bench = await Bench.create(create);
    const { drills } = bench.catalog;
    const { drills: others } = await bench.another();
    const start = bench.tick();
    expect(await drills.begin(policy, 'aws', hour)).toBe(true);
    expect(await others.begin(policy, 'aws', hour)).toBe(false);
    expect(await others.begin(policy, 'gcp', hour)).toBe(true);
    bench.clock.advance(hour);
    expect(await others.begin(policy, 'aws', hour)).toBe(true);
    const [aws] = await drills.read(policy);
    expect(aws).toEqual({
      ...{ target: 'aws', firstAt: start, begunAt: start + hour, obstacle: null, succeededAt: null, last: null },
    });
    bench.clock.advance(-2 * hour);
    expect(await drills.begin(policy, 'aws', hour)).toBe(true);
    expect(await drills.begin(policy, 'nowhere', hour)).toBe(false);
  });

  test('drills: of a target that left the policy nothing is noted, and nothing is left when it comes back', async () => {
    await using bench = await Bench.create(create);
    const { drills } = bench.catalog;
    for (const target of targets) await drills.begin(policy, target, 0);
    await bench.catalog.syncPolicies([{ ...policyRow, targets: ['gcp', 'disk'] }], { forget: true });
    await drills.note(policy, 'aws', { result: good });
    await bench.catalog.syncPolicies([policyRow], { forget: true });
    expect((await drills.read(policy)).map(({ target }) => target)).toEqual(['disk', 'gcp']);
    expect(await drills.begin(policy, 'aws', hour)).toBe(true);
  });

  test('drills: the latest result and the latest success are kept, whatever came in the way since', async () => {
    await using bench = await Bench.create(create);
    const { drills } = bench.catalog;
    for (const target of targets) await drills.begin(policy, target, 0);
    const read = async () => (await drills.read(policy)).find(({ target }) => target === 'aws');
    await drills.note(policy, 'aws', { result: good });
    expect(await read()).toMatchObject({ last: good, succeededAt: 5, obstacle: null });
    await drills.note(policy, 'aws', { obstacle: 'it is down' });
    expect(await read()).toMatchObject({ last: good, succeededAt: 5, obstacle: 'it is down' });
    await drills.note(policy, 'aws', { result: bad });
    expect(await read()).toMatchObject({ last: bad, succeededAt: 5, obstacle: null });
    const names = (await (await bench.another()).drills.read(policy)).map(({ target }) => target);
    expect(names).toEqual(['aws', 'disk', 'gcp']);
  });
}
