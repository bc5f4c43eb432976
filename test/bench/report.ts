import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { plotOf } from './plot.ts';
import type { ScenarioResult } from './result.ts';
import { scenarios } from './scenarios.ts';
import { markdownOf } from './table.ts';

const root = join(import.meta.dirname, '..', '..');
const kept = join(import.meta.dirname, 'results.json');

/** Takes results over into those kept, each in place of the former one of its scenario, and writes page and plot anew. */
export async function writeReport(results: readonly ScenarioResult[]): Promise<void> {
  const former = await readKept();
  const all = scenarios.flatMap(({ name }) => {
    const result = [...results, ...former].find((candidate) => candidate.name === name);
    return result === undefined ? [] : [result];
  });
  await writeFormatted(kept, JSON.stringify(all));
  await writeFormatted(join(root, 'BENCHMARKS.md'), [introduction, ...all.map(markdownOf)].join('\n'));
  await writeFile(join(root, 'benchmarks.svg'), plotOf(all));
}

async function readKept(): Promise<readonly ScenarioResult[]> {
  try {
    return JSON.parse(await readFile(kept, 'utf8')) as ScenarioResult[];
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

async function writeFormatted(path: string, content: string): Promise<void> {
  await writeFile(path, await format(content, { ...(await resolveConfig(path)), filepath: path }));
}

const introduction = `# Benchmarks

Written by \`npm run bench -- --write\`; the code and the options are in [test/bench](test/bench/options.ts). Holdfast copies in one
run to three targets: S3 (versitygw), GCS (fake-gcs-server) and Azure (Azurite), real servers on the same machine, which they share with
who is measured. It is held against rclone (three runs side by side, one per target), against the bare SDK calls (a process that
reads each object once and sends it with the same SDKs, and does nothing else), and against what the machine can do: SHA-256 of as many bytes on one
core, and as many requests to a plain HTTP server that throws them away.

Everybody runs in turn, against servers started for that run; a ratio is the median over the pairs of runs. CPU is user and system time
of all processes of who is measured, and of no server. Peak memory is the most that all of them had resident at one moment.
Read is what they read from files and sockets, which counts the program itself too.

![How many times better than the others](benchmarks.svg)

## Scenarios

`;
