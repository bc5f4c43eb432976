import { expect, test } from 'vitest';
import type { CopyOutcome } from '../../../src/catalog/claims.ts';
import type { HistoryEntry } from '../../../src/catalog/rows.ts';
import { Bench, evidence, learnt, policy, settlement, version } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

export function historyCases(create: CreateStore): void {
  test.each(['copied', 'adopted'] as const)('history: the first time a copy was %s, then and how', async (event) => {
    await using bench = await Bench.create(create);
    await bench.add('a');
    const at = bench.tick();
    await prove(bench, event);
    bench.tick();
    expect(await history(bench)).toEqual([{ at, target: 'aws', event, detail: 'attested by crc32c of every part' }]);
  });

  test('history: newer evidence does not take the place of what happened first', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a');
    await prove(bench, 'adopted');
    const first = await history(bench);
    bench.tick();
    await bench.record({ kind: 'recheck', id, target: 'aws' });
    bench.tick();
    await prove(bench, 'rechecked', 'read');
    bench.tick();
    await bench.record({ kind: 'missing', id, target: 'aws', asOf: bench.tick() });
    bench.tick();
    await prove(bench, 'repaired');
    expect(await bench.events('a')).toEqual([
      'aws adopted',
      'aws recheck',
      'aws rechecked',
      'aws missing',
      'aws repaired',
    ]);
    expect((await history(bench))[0]).toEqual(first[0]);
    expect((await history(bench)).map((entry) => entry.detail)[2]).toBe('read by sha256');
  });

  test('history: an object that changes is copied again, and both times are told', async () => {
    await using bench = await Bench.create(create);
    const { id } = await bench.add('a');
    await prove(bench, 'copied');
    bench.tick();
    await bench.record({ kind: 'overwritten', id, object: version('v2'), asOf: bench.tick() });
    bench.tick();
    await bench.catalog.decideObserved(policy, 'apply');
    bench.tick();
    expect(await bench.events('a')).toEqual(['aws copied', 'observed-overwritten', 'overwritten']);
    await prove(bench, 'copied');
    expect(await bench.events('a')).toEqual(['aws copied', 'observed-overwritten', 'overwritten', 'aws copied']);
  });
}

type Event = NonNullable<Extract<CopyOutcome, { state: 'verified' }>['event']>;

async function prove(bench: Bench, event: Event, method: 'attested' | 'read' = 'attested'): Promise<void> {
  const proof = { ...evidence(), method, ...(method === 'read' ? { by: 'sha256' as const } : {}) };
  const copies = [{ target: 'aws', state: 'verified', version: 'c1', evidence: proof, event }] as const;
  await bench.catalog.settle([settlement(await bench.claimOne({ targets: ['aws'] }), { learnt, copies })]);
}

async function history(bench: Bench): Promise<readonly HistoryEntry[]> {
  return (await bench.catalog.inspect(policy, 'a'))?.history ?? [];
}
