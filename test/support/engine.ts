import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { Problem } from '../../src/catalog/counts.ts';
import type { CopyRow, ObjectRow } from '../../src/catalog/rows.ts';
import { openSqliteCatalog } from '../../src/catalog/sqlite/open.ts';
import { systemClock, type Clock } from '../../src/objects/clock.ts';
import type { Key } from '../../src/objects/key.ts';
import { throttle } from '../../src/providers/bandwidth.ts';
import type { MemoryOptions } from '../../src/providers/memory/memory.ts';
import { ByteBudget } from '../../src/replication/byte-budget.ts';
import { Dial } from '../../src/replication/dial.ts';
import type { Policy } from '../../src/replication/policy.ts';
import { reconcile, type ReconcileOptions, type ReconcileReport } from '../../src/replication/reconcile.ts';
import type { Engine } from '../../src/replication/worker.ts';
import { silentLog, type Log } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import { Place } from './place.ts';
import { TestClock } from './test-clock.ts';

export interface WorldOptions {
  /** Targets by name. Default: `one`, `two` and `three`, as the memory provider is. */
  readonly targets?: Readonly<Record<string, MemoryOptions>>;
  readonly source?: MemoryOptions;
  readonly policy?: Partial<Policy>;
  readonly memory?: number;
  readonly concurrency?: number;
  readonly log?: Log;
  /** What all parts go by instead of `World.clock`. */
  readonly clock?: Clock;
}

const MiB = 1024 ** 2;
const calm = new AbortController().signal;

/** A source, its targets and a real catalog: everything the replication works with, and nothing else. */
export class World implements AsyncDisposable {
  readonly clock = new TestClock();
  readonly source: Place;
  readonly targets: readonly Place[];
  policy: Policy;
  readonly #directory: string;
  readonly #options: WorldOptions;
  readonly #catalogs: Catalog[] = [];
  #engine: Engine | undefined;

  constructor(directory: string, options: WorldOptions) {
    const { targets = { one: {}, two: {}, three: {} }, clock = this.clock } = options;
    this.#directory = directory;
    this.#options = options;
    this.source = new Place('source', clock, options.source);
    this.targets = Object.entries(targets).map(([name, settings]) => new Place(name, clock, settings));
    this.policy = {
      name: 'p',
      source: this.source.site,
      sourceIdentity: 'memory source',
      prefix: '',
      includes: () => true,
      targets: this.targets.map((place) => place.site),
      minCopies: Math.min(2, this.targets.length),
      onCopy: 'attested',
      guard: { maxChanged: 0.1, minObjects: 100 },
      detect: { every: 60_000, full: 3_600_000 },
      ...options.policy,
    };
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error('the world is not open');
    return this.#engine;
  }

  get catalog(): Catalog {
    return this.engine.catalog;
  }

  target(name: string): Place {
    const place = this.targets.find((candidate) => candidate.name === name);
    if (place === undefined) throw new Error(`there is no target ${name}`);
    return place;
  }

  /** Opens the catalog; another engine on the same file is another process. */
  async another(owner = 'another'): Promise<Engine> {
    const { clock = this.clock } = this.#options;
    const { log = silentLog, memory = 256 * MiB, concurrency = 8 } = this.#options;
    // Its writes are gathered for real milliseconds: a virtual clock stands still until they are committed.
    const { after } = systemClock;
    const real: Clock = { now: () => clock.now(), sleep: async (ms, signal) => await clock.sleep(ms, signal), after };
    const catalog = await openSqliteCatalog({ path: join(this.#directory, 'catalog.db'), clock: real });
    this.#catalogs.push(catalog);
    const { name, source, targets, minCopies } = this.policy;
    const rows = [{ name, source: source.name, targets: targets.map((site) => site.name), minCopies }];
    await catalog.syncPolicies(rows, { forget: true });
    const budget = new ByteBudget(memory);
    const core = {
      catalog,
      clock,
      random: Math.random,
      log,
      metrics: noMetrics,
      budget,
      concurrency: new Dial(concurrency),
      owner,
    };
    return { ...core, throttle: (rate) => throttle(rate, clock) };
  }

  async open(): Promise<this> {
    this.#engine = await this.another('first');
    return this;
  }

  async loseCatalog(): Promise<void> {
    await this.#close();
    for (const ending of ['', '-wal', '-shm']) await rm(join(this.#directory, `catalog.db${ending}`), { force: true });
    await this.open();
  }

  /** Puts an older catalog back in place of the present one. */
  async backTo(path: string): Promise<void> {
    await this.#close();
    for (const ending of ['', '-wal', '-shm']) await rm(join(this.#directory, `catalog.db${ending}`), { force: true });
    await copyFile(path, join(this.#directory, 'catalog.db'));
    await this.open();
  }

  /** Where the catalog is, and others may be put. */
  get directory(): string {
    return this.#directory;
  }

  async reconcile(
    options: Partial<ReconcileOptions> & { readonly engine?: Engine; readonly signal?: AbortSignal } = {},
  ): Promise<ReconcileReport> {
    const { engine = this.engine, signal = calm, ...rest } = options;
    const all = { deep: false, dryRun: false, onProgress: () => undefined, ...rest };
    return await reconcile(engine, this.policy, all, signal);
  }

  async object(key: Key): Promise<ObjectRow> {
    const found = await this.catalog.inspect(this.policy.name, key);
    if (found === undefined) throw new Error(`the catalog has no ${key}`);
    return found.object;
  }

  async copy(key: Key, target = 'one'): Promise<CopyRow> {
    const copy = (await this.object(key)).copies.find((candidate) => candidate.target === target);
    if (copy === undefined) throw new Error(`the catalog has no copy of ${key} at ${target}`);
    return copy;
  }

  async events(key: Key): Promise<string[]> {
    const found = await this.catalog.inspect(this.policy.name, key);
    return (found?.history ?? []).map(({ event }) => event);
  }

  async problems(): Promise<readonly Problem[]> {
    return await this.catalog.problems(this.policy.name, { limit: 1000 });
  }

  /** Calls of these operations at all targets. */
  count(...operations: Parameters<Place['count']>): number {
    return this.targets.reduce((sum, place) => sum + place.count(...operations), 0);
  }

  forget(): void {
    for (const place of [this.source, ...this.targets]) place.forget();
  }

  async #close(): Promise<void> {
    for (const catalog of this.#catalogs.splice(0)) await catalog[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-world-'));
  return await new World(directory, options).open();
}
