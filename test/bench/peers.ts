import { join } from 'node:path';
import { measure, type Program } from './measure.ts';
import { writeWorld } from './world-file.ts';
import type { World } from './places.ts';
import type { CopyScenario } from './scenarios.ts';
import type { Usage } from './usage.ts';

/** Something to hold Holdfast against. */
export interface Peer {
  readonly name: string;
  /** Copies everything once, and is measured while it does. */
  run(world: World): Promise<Usage>;
}

export const bareName = 'bare SDK calls';
export const hashName = 'SHA-256, one core';
export const loopbackName = 'loopback HTTP';

/** One process that does nothing but call the SDKs. */
export const bare: Peer = {
  name: bareName,
  run: async (world) => await measure([node('bare.ts', [await writeWorld(world)])]),
};

/** What this machine can do at most, with as many and as large objects. */
export function limitsOf({ files, size }: CopyScenario): Peer[] {
  const work = [String(files), String(size)];
  return [
    { name: hashName, run: async () => await hashRun(work) },
    { name: loopbackName, run: async () => await measure([node('limits.ts', ['loopback', ...work])]) },
  ];
}

/** Without the start of the process, because it is added to what another process took. */
async function hashRun(work: readonly string[]): Promise<Usage> {
  const { output, ...usage } = await measure([node('limits.ts', ['hash', ...work])]);
  return { ...usage, ...(JSON.parse(output[0] ?? '') as Pick<Usage, 'seconds' | 'cpuSeconds'>) };
}

export function node(script: string, args: readonly string[]): Program {
  return { command: process.execPath, args: [join(import.meta.dirname, script), ...args] };
}
