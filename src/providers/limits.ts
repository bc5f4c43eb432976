import type { Clock } from '../objects/clock.ts';
import { limited, type Bandwidth } from './bandwidth.ts';
import { inTurn, type Turns } from './in-turn.ts';
import type { Provider } from './provider.ts';
import { Slots } from './slots.ts';
import { TokenBucket } from './token-bucket.ts';

/** What a provider may be asked for; what is left out is not limited. */
export interface LimitSettings {
  /** Bytes per second in each direction. */
  readonly bandwidth?: number;
  /** Per second. */
  readonly requests?: number;
  /** Requests under way at once, and as many bodies being read. */
  readonly concurrency?: number;
}

/** The limits of one provider. A change holds from now on, also for requests that wait for their turn. */
export class ProviderLimits {
  readonly #bandwidth: Bandwidth;
  readonly #turns: Turns;
  #settings: LimitSettings;

  constructor(settings: LimitSettings, clock: Clock) {
    this.#settings = settings;
    const { bandwidth, requests, concurrency } = settings;
    this.#bandwidth = { up: new TokenBucket(bandwidth, clock), down: new TokenBucket(bandwidth, clock) };
    this.#turns = {
      requests: new TokenBucket(requests, clock),
      calls: new Slots(concurrency),
      bodies: new Slots(concurrency),
    };
  }

  change(settings: LimitSettings): void {
    const { bandwidth, requests, concurrency } = settings;
    this.#settings = settings;
    this.#bandwidth.up.change(bandwidth);
    this.#bandwidth.down.change(bandwidth);
    this.#turns.requests.change(requests);
    this.#turns.calls.change(concurrency);
    this.#turns.bodies.change(concurrency);
  }

  /** Whether no more requests are under way than are allowed, as may be for a while after a change. */
  get isSettled(): boolean {
    return this.#turns.calls.isSettled && this.#turns.bodies.isSettled;
  }

  /**
   * How many ranges of a listing may be read at once, of so many: where few requests per second are allowed, those ahead
   * would take the turns of the one that is waited for.
   */
  rangesAtOnce(most: number): number {
    const { requests = Infinity, concurrency = Infinity } = this.#settings;
    return Math.max(1, Math.min(most, concurrency, Math.floor(requests / most)));
  }

  /** Whoever waits for bandwidth holds no place that a request without bytes could have. */
  around(provider: Provider): Provider {
    return limited(inTurn(provider, this.#turns), this.#bandwidth);
  }
}
