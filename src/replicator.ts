import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import type { Outlast } from './catalog/outlast.ts';
import { openSqliteCatalog } from './catalog/sqlite/open.ts';
import type { Config } from './config/schema.ts';
import { systemClock, type Clock, type Random } from './objects/clock.ts';
import { LiveLimits } from './live-limits.ts';
import { watchMemory } from './memory-watch.ts';
import { named, rowOf, toPolicy } from './policies.ts';
import type { Policy } from './replication/policy.ts';
import type { Site } from './replication/site.ts';
import { mostWorkers, type Share } from './shares.ts';
import { Snapshots, type Stage } from './replication/snapshots.ts';
import type { Engine } from './replication/worker.ts';
import { engineOf, openSites, sitesOfLacking, type Lacking } from './sites.ts';
import { openStaging } from './staging.ts';
import type { Reached } from './providers/once-reached.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import type { Beginning } from './workers/messages.ts';
import { WorkerPool } from './workers/pool.ts';

export interface Surroundings {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Where what cannot be recorded is tried until it can be; default: it is an error at once. */
  readonly outlast?: Outlast;
  readonly lacking?: Lacking;
  /** What this thread may take of the limits; default: all. */
  readonly share?: Share;
  /** How many threads of this process may have providers of their own; default: this one alone. */
  readonly threads?: number;
  /** See `Core`. */
  readonly reached?: Reached;
}

export interface Opening {
  /** Other threads may join the work, and log so; default: this one works alone. */
  readonly crew?: Beginning['log'];
  /** Whether targets and policies that the configuration lacks are given up in the catalog: not by who only asks. */
  readonly forget: boolean;
}

/**
 * Everything a command or the daemon works with, opened in one place and closed in one order: first the providers
 * (nobody can write any more), then the catalog (what was learnt is recorded).
 */
export class Replicator implements AsyncDisposable {
  readonly engine: Engine;
  readonly policies: readonly Policy[];
  readonly sites: readonly Site[];
  /** What may change while all this is open. */
  readonly limits: LiveLimits;
  readonly snapshots: Snapshots;

  private constructor(engine: Engine, places: Places, config: Config) {
    const { policies, sites, limits } = places;
    this.engine = engine;
    this.policies = policies;
    this.sites = sites;
    this.limits = limits;
    const stage: Stage = async (signal) => await openStaging(config.catalog.file, engine, signal);
    this.snapshots = new Snapshots(engine, policies, config.snapshot, stage);
  }

  /** @throws CatalogError when the catalog cannot be opened. Reaches no provider yet. */
  static async open(config: Config, surroundings: Surroundings, { forget, crew }: Opening): Promise<Replicator> {
    const { clock = systemClock, random = Math.random, log, metrics, outlast, lacking = new Map() } = surroundings;
    await using opened = new AsyncDisposableStack();
    const most = crew === undefined ? 1 : mostWorkers(config);
    const settings = { path: config.catalog.file, clock, ...(outlast === undefined ? {} : { outlast }) };
    const catalog = opened.adopt(await openSqliteCatalog(settings), async (open) => {
      await open[Symbol.asyncDispose]();
    });
    const core = { clock, random, log, metrics };
    const places = opened.use(await openPlaces(config, { ...core, lacking, threads: most }));
    await catalog.syncPolicies(config.policies.map(rowOf), { forget });
    const pool =
      crew === undefined
        ? undefined
        : opened.use(
            new WorkerPool({
              ...{ ...core, config, limits: places.limits },
              beginning: { lacking, log: crew, most, outlasts: outlast !== undefined },
            }),
          );
    opened.use(watchMemory(config.limits.memory, () => pool?.size ?? 1));
    const bytes = pool?.bytesOf.bind(pool);
    const owner = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
    const engine: Engine = {
      ...engineOf(config, core, places.limits, bytes),
      ...{ catalog, owner },
      ...(pool && { crew: pool }),
    };
    const replicator = new Replicator(engine, places, config);
    replicator.#resources = opened.move();
    return replicator;
  }

  #resources = new AsyncDisposableStack();

  /** The policies asked for: one by name, or all. @throws UsageError when there is none of that name. */
  select(name: string | undefined): readonly Policy[] {
    return selectPolicies(this.policies, name);
  }

  /** Leaves word of the providers in the catalog, for commands that only ask. */
  async noteProviders(): Promise<void> {
    const { catalog, clock } = this.engine;
    const at = clock.now();
    await catalog.noteProviders(this.sites.map((site) => ({ provider: site.name, at, ...site.health() })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** What is worked with where no catalog is needed. */
export interface Places extends AsyncDisposable {
  readonly sites: readonly Site[];
  readonly policies: readonly Policy[];
  /** What may change while all this is open. */
  readonly limits: LiveLimits;
}

/** Reaches no provider yet. */
export async function openPlaces(config: Config, surroundings: Surroundings): Promise<Places> {
  const {
    clock = systemClock,
    random = Math.random,
    log,
    metrics,
    lacking = new Map(),
    share,
    threads = 1,
    reached,
  } = surroundings;
  await using opened = new AsyncDisposableStack();
  const limits = new LiveLimits(config, clock, share);
  const core = { clock, random, log, metrics, threads, ...(reached && { reached }) };
  const usable = await openSites(config.providers, core, limits, opened);
  const sites = new Map([...usable, ...sitesOfLacking(lacking, clock)]);
  const policies = config.policies.map((policy) => toPolicy(policy, config, sites));
  const resources = opened.move();
  return {
    sites: [...sites.values()],
    policies,
    limits,
    [Symbol.asyncDispose]: async () => await resources.disposeAsync(),
  };
}

/** By one name, or all. @throws UsageError when there is none of that name. */
export function selectPolicies(policies: readonly Policy[], name: string | undefined): readonly Policy[] {
  return name === undefined ? policies : [named(policies, name)];
}
