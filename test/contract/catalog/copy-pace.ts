import { expect, test } from 'vitest';
import { Bench, learnt, policy, settlement, verified, version } from './fixture.ts';
import type { CreateStore } from './fixture.ts';

const size = 20 * 2 ** 20;
const day = 86_400_000;

export function copyPaceCases(create: CreateStore): void {
  test('how fast copies are made: the busiest stretch without a pause', async () => {
    await using bench = await Bench.create(create);
    expect(await bench.catalog.copyPace(policy)).toBeNull();
    await copy(bench, 'first', 3);
    expect(await bench.catalog.copyPace(policy)).toBeNull();
    bench.clock.advance(60_000);
    // The copies that begin a stretch do not count: they were begun earlier.
    const at = await copy(bench, 'second', 4);
    const pace = { copies: 9, bytes: 9 * size, ms: 12_000, at };
    expect(await bench.catalog.copyPace(policy)).toEqual(pace);
    expect(await (await bench.another()).copyPace(policy)).toEqual(pace);
    bench.clock.advance(60_000);
    await copy(bench, 'third', 4, size - 1);
    expect(await bench.catalog.copyPace(policy)).toEqual(pace);
  });

  test('how fast copies are made: too little, or too long ago, says nothing; what is newer takes its place', async () => {
    await using bench = await Bench.create(create);
    await copy(bench, 'small', 5, 100);
    expect(await bench.catalog.copyPace(policy)).toBeNull();
    bench.clock.advance(60_000);
    await copy(bench, 'a', 6);
    bench.clock.advance(31 * day);
    expect(await bench.catalog.copyPace(policy)).toBeNull();
    const at = await copy(bench, 'b', 4, size - 1);
    expect(await bench.catalog.copyPace(policy)).toMatchObject({ copies: 9, at });
  });
}

/** Objects whose three copies are made every four seconds. @returns when the last was. */
async function copy(bench: Bench, prefix: string, objects: number, bytes = size): Promise<number> {
  for (let index = 0; index < objects; index++) {
    if (index > 0) bench.clock.advance(4000);
    await bench.add(`${prefix}/${index}`, {}, version('v1', bytes));
    const copies = ['aws', 'gcp', 'disk'].map((target) => verified(target));
    await bench.catalog.settle([settlement(await bench.claimOne(), { learnt, copies })]);
  }
  return bench.clock.now();
}
