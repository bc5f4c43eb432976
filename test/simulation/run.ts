import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runHistory } from './history.ts';
import { runMutants } from './mutants.ts';
import { planOf } from './planner.ts';
import { shrink } from './shrink.ts';
import { addOutcome, addTotals, noTotals, told, type Totals } from './totals.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    shrink: { type: 'boolean', default: false },
    jobs: { type: 'string', default: String(availableParallelism()) },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

/** Histories that one process runs at most before another one takes over: nothing grows for long. */
const mostInOne = 500;

const write = (line: string): void => void process.stdout.write(`${line}\n`);

if (process.send !== undefined) await work(Number(values.from), Number(values.seeds));
else if (values.mutants) process.exitCode = await runMutants(Number(values.seeds), values.only, write);
else if (values.seed !== undefined) process.exitCode = await replay(Number(values.seed));
else process.exitCode = await runMany(Number(values.from), Number(values.seeds), Number(values.jobs));

/** One history, told in full. */
async function replay(seed: number): Promise<number> {
  const plan = planOf(seed);
  const { violations } = await runHistory(plan);
  const [first] = violations;
  const told = first !== undefined && values.shrink ? await shrink(plan, first.promise) : plan;
  const { log, hash, events } = await runHistory(told, { verbose: true });
  write(JSON.stringify({ ...told, steps: undefined }));
  for (const line of log) write(line);
  write(`the steps${told === plan ? '' : ' that are left'}:`);
  for (const step of told.steps) write(`  ${JSON.stringify(step)}`);
  write(`seed ${seed}: ${events} events, hash ${(hash >>> 0).toString(16)}`);
  for (const { promise, what } of violations) write(`BROKEN ${promise}: ${what}`);
  return violations.length === 0 ? 0 : 1;
}

async function runMany(from: number, seeds: number, jobs: number): Promise<number> {
  const started = performance.now();
  const totals = noTotals();
  let next = from;
  const end = from + seeds;
  // To start a process costs as much as some twenty histories; yet all cores are to be at work until the end.
  const portion = Math.min(mostInOne, Math.max(25, Math.ceil(seeds / (4 * jobs))));
  const worker = async (): Promise<void> => {
    while (next < end) {
      const first = next;
      next = Math.min(end, next + portion);
      const more = await inChild(first, next - first);
      for (const { seed, promise } of more.failures) process.stderr.write(`seed ${seed}: ${promise}\n`);
      addTotals(totals, more);
      process.stderr.write(`${totals.histories} of ${seeds}, ${totals.failures.length} failed\n`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  write(told(totals, (performance.now() - started) / 1000));
  const [failure] = totals.failures;
  if (failure === undefined) return 0;
  write(`Replay one: npm run -s simulate -- --seed ${failure.seed} --shrink`);
  return 1;
}

async function inChild(from: number, seeds: number): Promise<Totals> {
  const child = fork(fileURLToPath(import.meta.url), ['--from', String(from), '--seeds', String(seeds)]);
  return await new Promise<Totals>((resolve, reject) => {
    let totals: Totals | undefined;
    child.on('message', (message) => (totals = message as Totals));
    child.on('error', reject);
    child.on('exit', (code) => {
      if (totals !== undefined) resolve(totals);
      else reject(new Error(`the seeds from ${from} ended with ${code} and told nothing`));
    });
  });
}

async function work(from: number, seeds: number): Promise<void> {
  const totals = noTotals();
  for (let seed = from; seed < from + seeds; seed += 1) addOutcome(totals, seed, await runHistory(planOf(seed)));
  process.send?.(totals);
}
