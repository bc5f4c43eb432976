import type { Config } from './config/schema.ts';
import type { Clock } from './objects/clock.ts';
import type { Bandwidth } from './providers/bandwidth.ts';
import { ProviderLimits } from './providers/limits.ts';
import { TokenBucket } from './providers/token-bucket.ts';
import { Dial } from './replication/dial.ts';

/** The part of a configuration that may change while the process runs. */
export type LimitedConfig = Pick<Config, 'limits' | 'providers'>;

/** Everything that a changed configuration changes in a running process: made once, handed to whoever obeys it. */
export class LiveLimits {
  /** What all providers share, by direction. */
  readonly bandwidth: Bandwidth;
  readonly concurrency: Dial;
  readonly #providers: ReadonlyMap<string, ProviderLimits>;

  constructor({ limits, providers }: LimitedConfig, clock: Clock) {
    const { bandwidth } = limits;
    this.bandwidth = { up: new TokenBucket(bandwidth, clock), down: new TokenBucket(bandwidth, clock) };
    this.concurrency = new Dial(limits.concurrency);
    const made = Object.entries(providers).map(
      ([name, settings]) => [name, new ProviderLimits(settings.limits ?? {}, clock)] as const,
    );
    this.#providers = new Map(made);
  }

  of(provider: string): ProviderLimits {
    const limits = this.#providers.get(provider);
    if (limits === undefined) throw new Error(`there are no limits for the unknown provider ${provider}`);
    return limits;
  }

  /** Takes effect at once, also on what is under way; nothing is cancelled. */
  change({ limits, providers }: LimitedConfig): void {
    this.bandwidth.up.change(limits.bandwidth);
    this.bandwidth.down.change(limits.bandwidth);
    this.concurrency.turn(limits.concurrency);
    for (const [name, held] of this.#providers) held.change(providers[name]?.limits ?? {});
  }
}
