import { realpathSync } from 'node:fs';
import { placeOf } from './config/places.ts';
import type { Config } from './config/schema.ts';
import { threadPoolSize } from './config/thread-pool.ts';
import { Secret } from './config/secrets.ts';
import type { Clock, Random } from './objects/clock.ts';
import { UsageError } from './objects/errors.ts';
import type { LiveLimits } from './live-limits.ts';
import { throttle } from './providers/bandwidth.ts';
import { Threads } from './providers/filesystem/threads.ts';
import { onceReached, type Reached } from './providers/once-reached.ts';
import { openProvider, type ProviderSettings, type ProviderSurroundings } from './providers/open.ts';
import { partsIn } from './replication/budget-share.ts';
import { ByteBudget } from './replication/byte-budget.ts';
import { OwnBytes, type BytePool } from './replication/byte-pool.ts';
import { Site } from './replication/site.ts';
import type { Engine } from './replication/worker.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { unequipped } from './providers/unequipped.ts';

/** What everything that is opened is given. */
export interface Core {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** How many threads of this process may have providers of their own at once; 1 by default. */
  readonly threads?: number;
  /** What another thread, on whose behalf this one works, has reached (it may grow): nothing else is used. Default: whatever is there. */
  readonly reached?: Reached;
}

/** Providers that the policies name and `Config` leaves out, and why they cannot be used. */
export type Lacking = ReadonlyMap<string, string>;

/** The rest of `limits.memory` is left to what the SDKs and the runtime hold besides the objects' bytes. */
const shareInFlight = 5 / 8;

/**
 * What the replication is given besides a catalog. `pool`: where the bytes in flight are counted, all of them or those for
 * one target that is behind.
 */
export function engineOf(
  { limits }: Config,
  core: Core,
  { concurrency }: LiveLimits,
  pool: (total: number, target?: string) => BytePool = (total) => new OwnBytes(total),
): Omit<Engine, 'catalog' | 'owner'> {
  return {
    ...core,
    budget: new ByteBudget(pool(Math.floor(limits.memory * shareInFlight))),
    partOf: partsIn(pool),
    throttle: (rate) => throttle(rate, core.clock),
    concurrency,
  };
}

/**
 * Opens providers, which reaches none of them yet; `opened` closes them. `limits` knows all of them. What cannot be made of
 * the settings of a dispensable one is met like a provider that refuses.
 * @throws UsageError for settings of another.
 */
export async function openSites(
  providers: Readonly<Record<string, Config['providers'][string]>>,
  { clock, random, metrics, threads = 1, reached }: Core,
  limits: LiveLimits,
  opened: AsyncDisposableStack,
  dispensable: readonly string[] = [],
): Promise<Map<string, Site>> {
  const surroundings: ProviderSurroundings = {
    clock,
    random,
    onRequest: (provider, operation, outcome, seconds) => metrics.request(provider, operation, outcome, seconds),
    bandwidth: limits.bandwidth,
    threads: new Threads(Math.floor(threadPoolSize() / threads)),
  };
  const sites = new Map<string, Site>();
  for (const [name, settings] of Object.entries(providers)) {
    const known = reached && { known: () => reached.get(name) };
    const own = { limits: limits.of(name), place: placeInWords(settings), ...known };
    const opening = openProvider(name, reveal(settings), { ...surroundings, ...own });
    const provider = await opening.catch((error: unknown) => {
      if (error instanceof UsageError && dispensable.includes(name)) return unequipped(name, error.message);
      throw error;
    });
    opened.defer(async () => await provider.close());
    sites.set(name, new Site(reached === undefined ? provider : onceReached(provider, reached), clock));
  }
  return sites;
}

/** They are met like providers that refuse. */
export function sitesOfLacking(lacking: Lacking, clock: Clock): Map<string, Site> {
  return new Map([...lacking].map(([name, why]) => [name, new Site(unequipped(name, why), clock)]));
}

/** Credentials are no part of it: they may change while an upload is under way. */
function placeInWords(settings: Config['providers'][string]): string {
  const { root, path } = placeOf(settings, realpathSync);
  return `${settings.type} ${root} ${path}`;
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
