import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireServer } from '../support/servers.ts';
import { scenarios, writeInput, type Scenario } from './inputs.ts';
import { measure, type Usage } from './measure.ts';
import { holdfastRun, makeBuckets, rcloneRuns, startTargets, type Targets } from './targets.ts';

/**
 * Copies the same input to the same three local servers with Holdfast (one run) and with rclone (three runs side
 * by side), in turn, and prints both and the ratios. Options: `--runs 3` (pairs per scenario), `--only <n>`
 * (the nth scenario), `--dir <path>` (where input and servers' data go; default: the system's temporary directory).
 */
const options = parseOptions(process.argv.slice(2));

await using stack = new AsyncDisposableStack();
const directory = await mkdtemp(join(options.directory, 'holdfast-bench-'));
stack.defer(async () => await rm(directory, { recursive: true, force: true }));
console.log(`${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}; Node ${process.versions.node}`);
console.log('Holdfast: one run to three targets; rclone: three runs side by side. Medians of the runs.\n');
for (const scenario of options.only === undefined ? scenarios : scenarios.slice(options.only - 1, options.only)) {
  await compare(scenario, directory, options.runs);
}

async function compare(scenario: Scenario, room: string, runs: number): Promise<void> {
  const source = join(room, 'source');
  await writeInput(source, scenario);
  const holdfast: Usage[] = [];
  const rclone: Usage[] = [];
  for (let run = 1; run <= runs; run += 1) {
    holdfast.push(await once(room, async (targets, bucket) => await holdfastRun(source, targets, bucket, room)));
    rclone.push(await once(room, (targets, bucket) => rcloneRuns(requireServer('rclone'), source, targets, bucket)));
  }
  await rm(source, { recursive: true });
  print(scenario, median(holdfast), median(rclone));
}

/** One measured run against servers that were started for it, so that neither program meets the other's leavings. */
async function once(
  room: string,
  programs: (
    targets: Targets,
    bucket: string,
  ) => ReturnType<typeof rcloneRuns> | Promise<ReturnType<typeof rcloneRuns>>,
): Promise<Usage> {
  const directory = await mkdtemp(join(room, 'run-'));
  try {
    await using targets = await startTargets(directory);
    await makeBuckets(targets, 'bench');
    return await measure(await programs(targets, 'bench'));
  } finally {
    await rm(directory, { recursive: true, force: true });
    await rm(join(room, 'bench'), { recursive: true, force: true });
  }
}

function median(usages: readonly Usage[]): Usage {
  const of = (pick: (usage: Usage) => number): number =>
    usages.map(pick).toSorted((a, b) => a - b)[Math.floor(usages.length / 2)] ?? Number.NaN;
  return {
    seconds: of((usage) => usage.seconds),
    cpuSeconds: of((usage) => usage.cpuSeconds),
    peakBytes: of((usage) => usage.peakBytes),
    readBytes: of((usage) => usage.readBytes),
  };
}

function print({ name, files, size }: Scenario, holdfast: Usage, rclone: Usage): void {
  const MiB = 1024 ** 2;
  const rows: [string, (usage: Usage) => number][] = [
    ['objects/s', (usage) => files / usage.seconds],
    ['MB/s of input', (usage) => (files * size) / 1e6 / usage.seconds],
    ['seconds', (usage) => usage.seconds],
    ['CPU seconds', (usage) => usage.cpuSeconds],
    ['peak memory, MiB', (usage) => usage.peakBytes / MiB],
    ['read, MiB', (usage) => usage.readBytes / MiB],
  ];
  console.log(`### ${name} (${((files * size) / MiB).toFixed(0)} MiB)\n`);
  console.log('| | Holdfast | rclone × 3 | ratio |\n|---|---:|---:|---:|');
  for (const [label, pick] of rows) {
    const [ours, theirs] = [pick(holdfast), pick(rclone)];
    console.log(`| ${label} | ${ours.toFixed(1)} | ${theirs.toFixed(1)} | ${(ours / theirs).toFixed(2)} |`);
  }
  console.log('');
}

function parseOptions(args: readonly string[]): { runs: number; only: number | undefined; directory: string } {
  const value = (name: string): string | undefined => {
    const at = args.indexOf(name);
    return at === -1 ? undefined : args[at + 1];
  };
  const only = value('--only');
  return {
    runs: Number(value('--runs') ?? 3),
    only: only === undefined ? undefined : Number(only),
    directory: value('--dir') ?? tmpdir(),
  };
}
