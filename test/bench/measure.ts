import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** What one or several processes, side by side, took. */
export interface Usage {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Sum of the processes' peak resident sets. */
  readonly peakBytes: number;
  /** Bytes read by system calls (files and sockets), summed. */
  readonly readBytes: number;
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const sampleEveryMs = 20;
const clockTicksPerSecond = 100;

/** Runs the programs side by side to their ends. Figures come from Linux's /proc, sampled: the last 20 ms may be missing. */
export async function measure(programs: readonly Program[]): Promise<Usage> {
  const started = performance.now();
  const samples = await Promise.all(programs.map(async (program) => await runOne(program)));
  const seconds = (performance.now() - started) / 1000;
  const sum = (pick: (sample: Sample) => number): number => samples.reduce((total, sample) => total + pick(sample), 0);
  return {
    seconds,
    cpuSeconds: sum((sample) => sample.cpuSeconds),
    peakBytes: sum((sample) => sample.peakBytes),
    readBytes: sum((sample) => sample.readBytes),
  };
}

interface Sample {
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly readBytes: number;
}

async function runOne({ command, args, env }: Program): Promise<Sample> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  const ended = once(child, 'close');
  const sample = await sampleUntilEnd(child);
  await ended;
  if (child.exitCode === 0) return sample;
  throw new Error(`${command} ${args.join(' ')} ended with ${child.exitCode}:\n${Buffer.concat(output).toString()}`);
}

async function sampleUntilEnd(child: ChildProcess): Promise<Sample> {
  let latest: Sample = { cpuSeconds: 0, peakBytes: 0, readBytes: 0 };
  while (child.exitCode === null && child.signalCode === null) {
    latest = highest(latest, await sampleOf(child.pid));
    await delay(sampleEveryMs);
  }
  return latest;
}

/** Counters only rise, and a process that has just ended shows zeros. */
function highest(a: Sample, b: Sample | undefined): Sample {
  if (b === undefined) return a;
  return {
    cpuSeconds: Math.max(a.cpuSeconds, b.cpuSeconds),
    peakBytes: Math.max(a.peakBytes, b.peakBytes),
    readBytes: Math.max(a.readBytes, b.readBytes),
  };
}

async function sampleOf(pid: number | undefined): Promise<Sample | undefined> {
  try {
    const [stat, status, io] = await Promise.all(
      ['stat', 'status', 'io'].map(async (name) => await readFile(`/proc/${pid}/${name}`, 'utf8')),
    );
    const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond,
      peakBytes: numberAfter(status, 'VmHWM:') * 1024,
      readBytes: numberAfter(io, 'rchar:'),
    };
  } catch {
    return undefined;
  }
}

function numberAfter(text: string | undefined, label: string): number {
  return Number(new RegExp(`${label}\\s+(\\d+)`).exec(text ?? '')?.[1] ?? 0);
}
