import { realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import picomatch from 'picomatch';
import type { Catalog } from './catalog/catalog.ts';
import type { Outlast } from './catalog/outlast.ts';
import { openSqliteCatalog } from './catalog/sqlite/open.ts';
import { placeOf } from './config/places.ts';
import type { Config } from './config/schema.ts';
import { Secret } from './config/secrets.ts';
import { systemClock, type Clock, type Random } from './objects/clock.ts';
import { UsageError } from './objects/errors.ts';
import { throttle } from './providers/bandwidth.ts';
import { LiveLimits } from './live-limits.ts';
import { watchMemory } from './memory-watch.ts';
import { openProvider, type ProviderSettings, type ProviderSurroundings } from './providers/open.ts';
import { ByteBudget } from './replication/byte-budget.ts';
import type { Policy } from './replication/policy.ts';
import { Site } from './replication/site.ts';
import type { Engine } from './replication/worker.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';

/** The rest of `limits.memory` is left to what the SDKs and the runtime hold besides the objects' bytes. */
const shareInFlight = 5 / 8;

export interface Surroundings {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Where what cannot be recorded is tried until it can be; default: it is an error at once. */
  readonly outlast?: Outlast;
}

export interface Opening {
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

  private constructor(engine: Engine, policies: readonly Policy[], sites: readonly Site[], limits: LiveLimits) {
    this.engine = engine;
    this.policies = policies;
    this.sites = sites;
    this.limits = limits;
  }

  /** @throws CatalogError when the catalog cannot be opened. Reaches no provider yet. */
  static async open(config: Config, surroundings: Surroundings, { forget }: Opening): Promise<Replicator> {
    const { clock = systemClock, random = Math.random, log, metrics, outlast } = surroundings;
    await using opened = new AsyncDisposableStack();
    opened.use(watchMemory(config.limits.memory));
    const settings = { path: config.catalog.file, clock, ...(outlast === undefined ? {} : { outlast }) };
    const catalog = opened.adopt(await openSqliteCatalog(settings), async (open) => {
      await open[Symbol.asyncDispose]();
    });
    const limits = new LiveLimits(config, clock);
    const sites = await openSites(config, { clock, random, log, metrics }, limits, opened);
    const policies = config.policies.map((policy) => toPolicy(policy, config, sites));
    await syncPolicies(catalog, policies, forget);
    const engine: Engine = {
      catalog,
      clock,
      random,
      log,
      metrics,
      budget: new ByteBudget(Math.floor(config.limits.memory * shareInFlight)),
      throttle: (rate) => throttle(rate, clock),
      concurrency: limits.concurrency,
      owner: `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`,
    };
    const replicator = new Replicator(engine, policies, [...sites.values()], limits);
    replicator.#resources = opened.move();
    return replicator;
  }

  #resources = new AsyncDisposableStack();

  /** The policies asked for: one by name, or all. @throws UsageError when there is none of that name. */
  select(name: string | undefined): readonly Policy[] {
    if (name === undefined) return this.policies;
    const policy = this.policies.find((candidate) => candidate.name === name);
    if (policy !== undefined) return [policy];
    const known = this.policies.map((candidate) => candidate.name).join(', ');
    throw new UsageError(`there is no policy "${name}" in the configuration; there is: ${known}`);
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

type Core = Required<Omit<Surroundings, 'outlast'>>;

async function openSites(
  config: Config,
  { clock, random, metrics }: Core,
  limits: LiveLimits,
  opened: AsyncDisposableStack,
): Promise<Map<string, Site>> {
  const surroundings: ProviderSurroundings = {
    clock,
    random,
    onRequest: (provider, operation, outcome, seconds) => metrics.request(provider, operation, outcome, seconds),
    bandwidth: limits.bandwidth,
  };
  const sites = new Map<string, Site>();
  for (const [name, settings] of Object.entries(config.providers)) {
    const provider = await openProvider(name, reveal(settings), { ...surroundings, limits: limits.of(name) });
    opened.defer(async () => await provider.close());
    sites.set(name, new Site(provider, clock));
  }
  return sites;
}

/** Provider settings with their secrets laid open: from here on they go only to the SDKs. */
export function reveal(settings: Config['providers'][string]): ProviderSettings {
  const { domain: _, ...place } = settings;
  return revealed(place) as ProviderSettings;
}

function revealed(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner)]));
}

function toPolicy(policy: Config['policies'][number], config: Config, sites: ReadonlyMap<string, Site>): Policy {
  const source = siteOf(policy.source, sites);
  const targets = policy.targets.map((name) => siteOf(name, sites));
  const settings = config.providers[policy.source];
  if (settings === undefined) throw new UsageError(`policy ${policy.name} names the unknown provider ${policy.source}`);
  const prefix = policy.prefix ?? '';
  return {
    name: policy.name,
    source,
    sourceIdentity: `${identityOf(settings)} ${prefix}`,
    prefix,
    includes: globFilter(policy.include, policy.exclude),
    targets,
    minCopies: policy.minCopies,
    onCopy: policy.verify.onCopy,
    ...(policy.verify.scrub === undefined ? {} : { scrub: policy.verify.scrub }),
    guard: policy.guard,
    ...(policy.deletes.after === undefined ? {} : { deleteAfter: policy.deletes.after }),
    ...(policy.history === undefined ? {} : { history: policy.history }),
    detect: policy.detect,
  };
}

function siteOf(name: string, sites: ReadonlyMap<string, Site>): Site {
  const site = sites.get(name);
  if (site === undefined) throw new UsageError(`a policy names the unknown provider ${name}`);
  return site;
}

/** Where a provider is, without its secrets. */
function identityOf(settings: Config['providers'][string]): string {
  const { root, path } = placeOf(settings, realpathSync);
  return `${root} ${path}`;
}

function globFilter(
  include: readonly string[] | undefined,
  exclude: readonly string[] | undefined,
): Policy['includes'] {
  const options = { dot: true, nonegate: true };
  const wanted = include === undefined ? () => true : picomatch([...include], options);
  const unwanted = exclude === undefined ? () => false : picomatch([...exclude], options);
  return (key) => wanted(key) && !unwanted(key);
}

async function syncPolicies(catalog: Catalog, policies: readonly Policy[], forget: boolean): Promise<void> {
  await catalog.syncPolicies(
    policies.map(({ name, source, targets, minCopies }) => ({
      name,
      source: source.name,
      targets: targets.map((site) => site.name),
      minCopies,
    })),
    { forget },
  );
}
