import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { printedSeed } from '../support/seed.ts';
import { runHistory } from './history.ts';
import { mutants } from './mutant-list.ts';
import { planOf } from './planner.ts';

const root = new URL('../../', import.meta.url);

/** Histories that `npm test` runs each time: the first ones, the same every time, and new ones. */
const counts = { same: 100, fresh: 25 };

async function failing(from: number, count: number): Promise<string[]> {
  const found: string[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const { violations } = await runHistory(planOf(seed));
    for (const { promise, what } of violations)
      found.push(`npm run -s simulate -- --seed ${seed}: ${promise}: ${what}`);
  }
  return found;
}

test('the promises hold in histories that are always the same', { timeout: 600_000 }, async () => {
  expect(await failing(1, counts.same)).toEqual([]);
});

test('the promises hold in histories that nobody has seen', { timeout: 600_000 }, async () => {
  expect(await failing(printedSeed('simulation'), counts.fresh)).toEqual([]);
});

test('a seed has one history, event by event', async () => {
  for (const seed of [7, 16, 34, 1034]) {
    const first = await runHistory(planOf(seed), { verbose: true });
    const again = await runHistory(planOf(seed), { verbose: true });
    expect(again.log).toEqual(first.log);
    expect(again.hash).toBe(first.hash);
    expect(first.events).toBeGreaterThan(50);
  }
});

test('different seeds have different histories', async () => {
  const hashes = new Set<number>();
  for (let seed = 1; seed <= 20; seed += 1) hashes.add((await runHistory(planOf(seed))).hash);
  expect(hashes.size).toBe(20);
});

describe('the bugs to be planted still fit the program', () => {
  test.each(mutants)('$name', async ({ file, find }) => {
    expect((await readFile(new URL(file, root), 'utf8')).split(find)).toHaveLength(2);
  });

  test('and are told of in the README', async () => {
    const readme = await readFile(new URL('README.md', import.meta.url), 'utf8');
    for (const { name } of mutants) expect(readme).toContain(`| ${name} `);
  });
});
