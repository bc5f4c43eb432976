import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, cpuTimes, ProcessTree } from './process-tree.ts';
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

/**
 * Runs the programs side by side to their ends. CPU is what the kernel accounts to ended children of this process and
 * theirs, so that nothing is missed and no other child may end meanwhile. Other children are the servers. Memory and bytes read are sampled.
 * @throws Error with what it printed, when one fails.
 */
export async function measure(programs: readonly Program[]): Promise<Measured> {
  const servers = await childrenOf(process.pid);
  const [serversBefore, cpuBefore] = [await cpuOfAll(servers), await cpuOfEndedChildren()];
  const started = performance.now();
  const running = programs.map(start);
  const trees = running.map(({ pid }) => new ProcessTree(pid));
  const ended = Promise.allSettled(running.map(async ({ output }) => await output));
  const sampling = new AbortController();
  const peak = peakOf(trees, sampling.signal);
  await ended;
  const seconds = (performance.now() - started) / 1000;
  sampling.abort();
  const output = await Promise.all(running.map(async (one) => await one.output));
  return {
    seconds,
    cpuSeconds: (await cpuOfEndedChildren()) - cpuBefore,
    serverCpuSeconds: (await cpuOfAll(servers)) - serversBefore,
    peakBytes: await peak,
    readBytes: trees.reduce((sum, tree) => sum + tree.readBytes, 0),
    output,
  };
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

async function cpuOfAll(pids: readonly number[]): Promise<number> {
  const taken = await Promise.all(pids.map(async (pid) => await cpuTimes(pid)));
  return taken.reduce((sum, { own }) => sum + own, 0);
}

async function cpuOfEndedChildren(): Promise<number> {
  return (await cpuTimes(process.pid)).endedChildren;
}
