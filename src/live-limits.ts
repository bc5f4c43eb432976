import type { Clock } from './objects/clock.ts';
import type { Bandwidth } from './providers/bandwidth.ts';
import { ProviderLimits } from './providers/limits.ts';
import { TokenBucket } from './providers/token-bucket.ts';
import { Dial } from './replication/dial.ts';
import { shareOf, whole, type LimitedConfig, type Share } from './shares.ts';

/**
 * Everything that a changed configuration changes in a running process: made once in each of its threads, handed to
 * whoever obeys it.
 */
export class LiveLimits {
  /** What all providers share, by direction. */
  readonly bandwidth: Bandwidth;
  readonly concurrency: Dial;
  readonly #providers: ReadonlyMap<string, ProviderLimits>;
  readonly #watchers = new Set<() => void>();
  #config: LimitedConfig;
  #share: Share;

  constructor(config: LimitedConfig, clock: Clock, share: Share = whole) {
    this.#config = config;
    this.#share = share;
    const { limits, providers } = shareOf(config, share);
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

  /** Of all threads together. */
  get config(): LimitedConfig {
    return this.#config;
  }

  /** Takes effect at once, also on what is under way; nothing is cancelled. */
  change(config: LimitedConfig): void {
    this.#config = config;
    this.#apply();
    for (const watcher of this.#watchers) watcher();
  }

  /** How much of all this thread may take from now on. */
  deal(share: Share): void {
    this.#share = share;
    this.#apply();
  }

  /** Whether no more requests are under way than this thread's part allows. */
  get isSettled(): boolean {
    return [...this.#providers.values()].every((held) => held.isSettled);
  }

  /** Told of every change until disposed. */
  watch(watcher: () => void): Disposable {
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  #apply(): void {
    const { limits, providers } = shareOf(this.#config, this.#share);
    this.bandwidth.up.change(limits.bandwidth);
    this.bandwidth.down.change(limits.bandwidth);
    this.concurrency.turn(limits.concurrency);
    for (const [name, held] of this.#providers) held.change(providers[name]?.limits ?? {});
  }
}
