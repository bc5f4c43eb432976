import { availableParallelism } from 'node:os';
import { threadPoolSize } from './config/thread-pool.ts';
import type { Config } from './config/schema.ts';
import type { LimitSettings } from './providers/limits.ts';

/** The part of a configuration that may change while the process runs. */
export interface LimitedConfig {
  readonly limits: Config['limits'];
  readonly providers: Readonly<Record<string, { readonly limits?: LimitSettings }>>;
}

/** Which thread of how many; counted from 0. */
export interface Share {
  readonly index: number;
  readonly of: number;
}

export const whole: Share = { index: 0, of: 1 };

/** Where nothing else is said. More share one catalog than it has use for. */
const usuallyAtMost = 4;

/**
 * How many threads may ever work at once: what is dealt out among them only once, Node's threads for calls that block, is
 * dealt among so many. Of two one stays free when a disk hangs.
 */
export function mostWorkers({ limits }: Pick<LimitedConfig, 'limits'>, blocking = threadPoolSize()): number {
  const { workers = Math.min(usuallyAtMost, availableParallelism()) } = limits;
  return Math.max(1, Math.min(workers, Math.floor(blocking / 2)));
}

/**
 * How many of them may work as the limits are, so that each has a share of every limit that comes in whole numbers: of the
 * objects at once two, one for the targets that travel together and one for those that are behind.
 */
export function workersFor({ limits, providers }: LimitedConfig, most: number): number {
  const concurrencies = Object.values(providers).flatMap((provider) => provider.limits?.concurrency ?? []);
  return Math.max(1, Math.min(most, Math.floor(limits.concurrency / 2), ...concurrencies));
}

/** What one thread may ask of the limits that are not counted for all threads together. */
export function shareOf(config: LimitedConfig, share: Share): LimitedConfig {
  const providers = Object.entries(config.providers).map(([name, { limits }]) => {
    return [name, limits === undefined ? {} : { limits: divided(limits, share) }] as const;
  });
  return { limits: divided(config.limits, share), providers: Object.fromEntries(providers) };
}

/** Nothing of the configuration but this. */
export function limitsOf({ limits, providers }: LimitedConfig): LimitedConfig {
  return { limits, providers: shareOf({ limits, providers }, whole).providers };
}

function divided<T extends LimitSettings>(limits: T, { index, of }: Share): T {
  const { bandwidth, requests, concurrency } = limits;
  return {
    ...limits,
    ...(bandwidth !== undefined && { bandwidth: bandwidth / of }),
    ...(requests !== undefined && { requests: requests / of }),
    // Of 7 places two threads have 4 and 3.
    ...(concurrency !== undefined && { concurrency: Math.max(1, Math.ceil((concurrency - index) / of)) }),
  };
}
