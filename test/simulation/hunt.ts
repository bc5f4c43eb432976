import { runHistory } from './history.ts';
import { planOf } from './planner.ts';

/** Simulates seeds until one fails, and tells which: what is run on a program with a planted bug. */
const [from, seeds] = process.argv.slice(2).map(Number);
let failure: object | undefined;
for (let seed = from ?? 1; seed < (from ?? 1) + (seeds ?? 1) && failure === undefined; seed += 1) {
  const [first] = (await runHistory(planOf(seed))).violations;
  if (first !== undefined) failure = { seed, ...first };
}
process.stdout.write(JSON.stringify({ failure }));
process.exit();
