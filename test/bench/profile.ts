import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { reconcile, writeConfig, type Settings } from './holdfast.ts';
import { measure } from './measure.ts';
import type { World } from './places.ts';

/** What V8 writes with `--cpu-prof`: every sample names the function that ran. */
interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

/** Runs Holdfast once under V8's profiler, leaves the profiles below data/bench/, and prints where the time went. */
export async function profile(name: string, world: World, settings: Settings = {}): Promise<void> {
  const directory = resolve('data', 'bench', name);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  // By the environment, so that every process of it writes one.
  const env = { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${directory}` };
  await measure([{ ...reconcile(await writeConfig(world, settings)), env }]);
  const files = (await readdir(directory)).filter((file) => file.endsWith('.cpuprofile'));
  const profiles = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(directory, file), 'utf8')) as CpuProfile),
  );
  console.error(`#### Profile of ${name}: ${files.length} in ${directory}\n`);
  printTop('function', profiles, functionOf);
  printTop('package', profiles, packageOf);
}

const shown = 15;

function printTop(label: string, profiles: readonly CpuProfile[], nameOf: (node: ProfileNode) => string): void {
  const times = new Map<string, number>();
  for (const one of profiles) addTimes(times, one, nameOf);
  const busy = [...times.values()].reduce((sum, time) => sum + time, 0);
  const top = [...times].toSorted(([, a], [, b]) => b - a).slice(0, shown);
  console.error(`| self ms | % | ${label} |\n|---:|---:|---|`);
  for (const [name, time] of top) {
    console.error(`| ${(time / 1000).toFixed(0)} | ${((100 * time) / busy).toFixed(1)} | ${name} |`);
  }
  console.error('');
}

/** Time in which nothing ran is not counted. */
function addTimes(
  times: Map<string, number>,
  { nodes, samples, timeDeltas }: CpuProfile,
  nameOf: (node: ProfileNode) => string,
): void {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  for (const [index, id] of samples.entries()) {
    const node = byId.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') continue;
    const name = nameOf(node);
    // A sample's time passes until the next one is taken.
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index + 1] ?? 0));
  }
}

function functionOf(node: ProfileNode): string {
  const { functionName, url, lineNumber } = node.callFrame;
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name} ${shortened(url)}:${lineNumber + 1}`;
}

function shortened(url: string): string {
  return url.replace(url.includes('/node_modules/') ? /^.*\/node_modules\// : /^.*\/(?=dist\/)/, '');
}

/** A package, Node itself, a room of ours, or what V8 does besides, such as collecting garbage. */
function packageOf({ callFrame: { url, functionName } }: ProfileNode): string {
  if (url === '') return functionName.startsWith('(') ? functionName : 'V8 and native code';
  if (url.startsWith('node:'))
    return url.split('/')[0] === 'node:internal' ? `node:internal/${url.split('/')[1]}` : url;
  const [, name] = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (name !== undefined) return name;
  return /\/(dist\/[^/]+)/.exec(url)?.[1] ?? url;
}
