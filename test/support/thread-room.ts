import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { runPass } from '../../src/replication/pass.ts';
import { Tally } from '../../src/replication/tally.ts';
import type { Assisted } from '../../src/replication/worker.ts';
import { Replicator } from '../../src/replicator.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import type { Pace } from '../../src/workers/pace.ts';
import { WorkerPool, type PoolOptions } from '../../src/workers/pool.ts';
import { bytesOf } from './bytes.ts';

const calm = new AbortController().signal;

/** For `vi.waitFor`: threads take a while to begin. */
export const patience = { timeout: 30_000, interval: 20 };

export interface Room extends AsyncDisposable {
  readonly config: Config;
  readonly replicator: Replicator;
  readonly at: (name: string) => string;
}

/** Objects at a source that a pass has found, after `before`, and nobody in the main thread who copies them. */
export async function openRoom(
  limits: string,
  objects: Readonly<Record<string, Uint8Array>>,
  one?: string,
  before: (at: Room['at']) => Promise<void> = async () => undefined,
): Promise<Room> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-workers-'));
  opened.defer(async () => await rm(directory, { recursive: true, force: true }));
  const at = (name: string): string => join(directory, name);
  await mkdir(at('source'));
  for (const [key, bytes] of Object.entries(objects)) await writeFile(at(`source/${key}`), bytes);
  const provider = (name: string): string =>
    name === 'one' && one !== undefined ? `one: ${one}` : `${name}: { type: filesystem, path: ${at(name)} }`;
  await before(at);
  const file = at('holdfast.yaml');
  await writeFile(
    file,
    `catalog: sqlite:${at('catalog.db')}
providers: { ${['source', 'one', 'two'].map(provider).join(', ')} }
policies: [{ name: p, source: source, targets: [${one === undefined ? 'one, two' : 'one'}], minCopies: 1 }]
limits: ${limits}
`,
  );
  const { config } = loadConfig(file);
  const replicator = opened.use(
    await Replicator.open(config, { log: silentLog, metrics: noMetrics }, { forget: true }),
  );
  await pass(replicator);
  const all = opened.move();
  return { config, replicator, at, [Symbol.asyncDispose]: async () => await all.disposeAsync() };
}

export async function pass({ engine, policies }: Replicator): Promise<void> {
  const options = { full: true, deep: false, dryRun: false, onProgress: () => undefined };
  for (const policy of policies) await runPass(engine, policy, options, calm);
}

/** Threads join as soon as may be, as if the main one were busy all the time. */
export const hurried: Pace = {
  lookEvery: 10,
  idleAtMost: 60_000,
  joinWithin: 60_000,
  againAfter: 60_000,
  giveUpWithin: 30_000,
  utilization: () => 1,
};

export function poolOf({ config, replicator }: Room, options: Partial<PoolOptions> = {}): WorkerPool {
  const beginning = { ...quiet, most: config.limits.workers ?? 1 };
  const { limits } = replicator;
  return new WorkerPool({ config, limits, metrics: noMetrics, log: silentLog, beginning, pace: hurried, ...options });
}

/** What threads are begun with. */
export const quiet = {
  lacking: new Map<string, string>(),
  log: { level: 'silent' as const, pretty: false },
  outlasts: true,
};

/** A worker of the main thread that leaves everything to the others. */
export function idleWorker({ replicator: { policies, limits } }: Room): Assisted {
  return {
    scope: { policies },
    tally: new Tally(),
    get pending() {
      return limits.concurrency.value;
    },
  };
}

export async function outstanding({ replicator }: Room): Promise<{ due: number; leased: number }> {
  return await replicator.engine.catalog.outstanding('p', { targets: ['one', 'two'] });
}

/** Copies that are yet to be made there. */
export async function lackedBy({ replicator }: Room, target: string): Promise<number> {
  const { due, leased } = await replicator.engine.catalog.outstanding('p', { targets: [target] });
  return due + leased;
}

export function small(count: number): Record<string, Uint8Array> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, bytesOf(100 + n, `${n}`)]));
}
