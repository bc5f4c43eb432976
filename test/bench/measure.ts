import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ProcessTree } from './process-tree.ts';
import type { Usage } from './usage.ts';

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Measured extends Usage {
  /** What each program printed, in their order. */
  readonly output: readonly string[];
}

const sampleEveryMs = 50;
const clockTicksPerSecond = 100;

/**
 * Runs the programs side by side to their ends. CPU is what the kernel accounts to ended children of this process and
 * theirs, so that nothing is missed and no other child may end meanwhile; memory and bytes read are sampled.
 * @throws Error with what it printed, when one fails.
 */
export async function measure(programs: readonly Program[]): Promise<Measured> {
  const [started, cpuBefore] = [performance.now(), await cpuOfEndedChildren()];
  const running = programs.map(start);
  const trees = running.map(({ pid }) => new ProcessTree(pid));
  const ended = Promise.allSettled(running.map(async ({ output }) => await output));
  const sampling = new AbortController();
  const peak = peakOf(trees, sampling.signal);
  await ended;
  const seconds = (performance.now() - started) / 1000;
  sampling.abort();
  const output = await Promise.all(running.map(async (one) => await one.output));
  const peakBytes = await peak;
  const readBytes = trees.reduce((sum, tree) => sum + tree.readBytes, 0);
  return { seconds, cpuSeconds: (await cpuOfEndedChildren()) - cpuBefore, peakBytes, readBytes, output };
}

interface Running {
  readonly pid: number;
  readonly output: Promise<string>;
}

function start({ command, args, env }: Program): Running {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const [printed, errors]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const output = once(child, 'close').then(() => {
    const text = Buffer.concat(printed).toString();
    if (child.exitCode === 0) return text;
    const how = `ended with ${child.exitCode ?? child.signalCode}`;
    throw new Error(`${command} ${args.join(' ')} ${how}:\n${text}${Buffer.concat(errors).toString()}`);
  });
  if (child.pid === undefined) throw new Error(`${command} cannot be started`);
  return { pid: child.pid, output };
}

async function peakOf(trees: readonly ProcessTree[], signal: AbortSignal): Promise<number> {
  let peak = 0;
  while (!signal.aborted) {
    const resident = await Promise.all(trees.map(async (tree) => await tree.sample()));
    peak = Math.max(
      peak,
      resident.reduce((sum, bytes) => sum + bytes, 0),
    );
    await delay(sampleEveryMs, undefined, { signal }).catch(() => undefined);
  }
  return peak;
}

async function cpuOfEndedChildren(): Promise<number> {
  const stat = await readFile('/proc/self/stat', 'utf8');
  // After the name, which may hold anything, `cutime` and `cstime` are the 14th and 15th (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / clockTicksPerSecond;
}
