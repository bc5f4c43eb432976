import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSqliteCatalog } from '../../src/catalog/sqlite/open.ts';
import { systemClock } from '../../src/objects/clock.ts';
import { fillCatalog } from './fill-catalog.ts';
import { holdfastCommand } from './holdfast.ts';
import { measure } from './measure.ts';
import { node } from './peers.ts';
import type { AnswerResult, Findings } from './result.ts';
import type { AnswerScenario } from './scenarios.ts';
import { median } from './usage.ts';

const targets = ['s3', 'gcs', 'azure', 'disk'];

/** What it costs to ask, of a catalog that was filled directly: no provider is asked. */
export async function runAnswers({ objects }: AnswerScenario, room: string): Promise<Findings> {
  const [full, empty] = [await prepare(join(room, 'full'), objects), await prepare(join(room, 'empty'), 1)];
  const { output } = await measure([node('answer-loop.ts', [full])]);
  const alone = JSON.parse(output[0] ?? '') as Record<string, number>;
  const answers: AnswerResult[] = [];
  for (const [question, args] of Object.entries(questions)) {
    const [many, one] = [await processCpu([...args, '--config', full]), await processCpu([...args, '--config', empty])];
    const cpuMs = alone[question] ?? Number.NaN;
    answers.push({ question, cpuMs, processCpuMs: many, emptyCpuMs: one });
  }
  answers.push({ question: '/metrics', cpuMs: alone['/metrics'] ?? Number.NaN });
  return { objects, bytes: 0, peers: [], answers, notes: [] };
}

const questions: Readonly<Record<string, readonly string[]>> = {
  status: ['status', '--json'],
  whatif: ['whatif', '--lose', 's3', '--json'],
};

async function prepare(directory: string, objects: number): Promise<string> {
  await mkdir(join(directory, 'disk'), { recursive: true });
  const catalog = join(directory, 'catalog.db');
  const nowhere = 'http://127.0.0.1:9';
  const credentials = { accessKeyId: 'nobody', secretAccessKey: 'nothing' };
  const s3 = { type: 's3', endpoint: nowhere, forcePathStyle: true, credentials };
  const config = {
    catalog: `sqlite:${catalog}`,
    providers: {
      source: { ...s3, bucket: 'source' },
      s3: { ...s3, bucket: 'copies' },
      gcs: { type: 'gcs', bucket: 'copies-gcs', endpoint: nowhere },
      azure: {
        type: 'azure',
        container: 'copies',
        account: 'copies',
        accountKey: 'bm9ib2R5',
        endpoint: `${nowhere}/copies`,
      },
      disk: { type: 'filesystem', path: join(directory, 'disk') },
    },
    policies: [{ name: 'bench', source: 'source', targets, minCopies: 2 }],
  };
  const path = join(directory, 'holdfast.yaml');
  await writeFile(path, JSON.stringify(config));
  await fillCatalog(catalog, { name: 'bench', source: 'source', targets, minCopies: 2 }, objects);
  await notePass(catalog);
  return path;
}

/** Of a policy that no pass looked at, the commands say that by their exit status. */
async function notePass(path: string): Promise<void> {
  await using catalog = await openSqliteCatalog({ path, clock: systemClock });
  const at = systemClock.now();
  const lastPass = { startedAt: at, finishedAt: at, outcome: 'complete', reasons: [] } as const;
  await catalog.updatePolicy('bench', { lastPass, lastCompletePassAt: at });
}

/** Milliseconds; the median of five. */
async function processCpu(args: readonly string[]): Promise<number> {
  const taken: number[] = [];
  for (let run = 0; run < 5; run += 1) taken.push((await measure([holdfastCommand(args)])).cpuSeconds * 1000);
  return median(taken);
}
