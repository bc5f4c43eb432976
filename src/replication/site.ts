import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import { reservedPrefix } from '../objects/key.ts';
import { isOver } from '../objects/set-back.ts';
import type { Capabilities, MonitoredProvider, ProviderHealth, ProviderRole } from '../providers/provider.ts';
import { SharedAttempt } from './shared-attempt.ts';

/** How long a provider that could not be reached is left alone before it is tried again. */
const reconnectAfter = 5_000;

/** Nothing is ever kept there. */
const probed = `${reservedPrefix}probe`;

/** One configured provider as the replication sees it: reached or not, up or down. */
export class Site {
  readonly provider: MonitoredProvider;
  readonly #clock: Clock;
  readonly #capabilities = new Map<ProviderRole, Capabilities>();
  readonly #connecting = new Map<ProviderRole, SharedAttempt<Capabilities>>();
  #probing = false;
  #failure: { readonly error: ProviderError; readonly at: number } | undefined;

  constructor(provider: MonitoredProvider, clock: Clock) {
    this.provider = provider;
    this.#clock = clock;
  }

  get name(): string {
    return this.provider.name;
  }

  /**
   * Reaches the provider, once per role: whoever comes while that goes on waits for the same answer, whoever asked first.
   * @throws ProviderError when it cannot be reached or used.
   */
  async connect(role: ProviderRole, signal: AbortSignal): Promise<Capabilities> {
    const known = this.#capabilities.get(role);
    if (known !== undefined) return known;
    const message = `${this.name} was not waited for: the call was aborted`;
    return await this.#attempt(role).wait(
      signal,
      () => new ProviderError('aborted', message, { provider: this.name, cause: signal.reason }),
    );
  }

  #attempt(role: ProviderRole): SharedAttempt<Capabilities> {
    const underWay = this.#connecting.get(role);
    if (underWay !== undefined && !underWay.isStopped) return underWay;
    const attempt: SharedAttempt<Capabilities> = new SharedAttempt(async (signal) => {
      try {
        return await this.#reach(role, signal);
      } finally {
        if (this.#connecting.get(role) === attempt) this.#connecting.delete(role);
      }
    });
    this.#connecting.set(role, attempt);
    return attempt;
  }

  async #reach(role: ProviderRole, signal: AbortSignal): Promise<Capabilities> {
    try {
      const capabilities = await this.provider.connect(role, signal);
      this.#capabilities.set(role, capabilities);
      this.#failure = undefined;
      return capabilities;
    } catch (error) {
      if (error instanceof ProviderError && error.code !== 'aborted') this.#failure = { error, at: this.#clock.now() };
      throw error;
    }
  }

  /** Whether it was, in any role. */
  get isReached(): boolean {
    return this.#capabilities.size > 0;
  }

  /** What tells it from another place at the same address, as far as it was reached. */
  get identity(): string | undefined {
    return (this.#capabilities.get('source') ?? this.#capabilities.get('target'))?.identity;
  }

  /** See `Capabilities`; undefined while it was not reached. */
  get preciseTimes(): boolean | undefined {
    return (this.#capabilities.get('source') ?? this.#capabilities.get('target'))?.preciseTimes;
  }

  /** See `Capabilities`; undefined also while it was not reached. */
  get parallelReads(): number | undefined {
    return (this.#capabilities.get('source') ?? this.#capabilities.get('target'))?.parallelReads;
  }

  /** What it can do as a target; undefined while it was not reached as one. */
  get capabilities(): Capabilities | undefined {
    return this.#capabilities.get('target');
  }

  /** Whether work may be given to it now. */
  get available(): boolean {
    return this.capabilities !== undefined && this.provider.health().state !== 'down';
  }

  /** Whether its calls fail for reasons that may pass, so that they are tried again and again. */
  get isStruggling(): boolean {
    const { state, lastError } = this.provider.health();
    return state !== 'up' && lastError?.code !== 'denied';
  }

  /** Whether waiting for it would be in vain: it does not answer, and somebody sees to it already. */
  get isAway(): boolean {
    if (this.capabilities !== undefined) return this.provider.health().state === 'down';
    return this.#failure !== undefined && (this.#connecting.size > 0 || !this.wantsConnecting('target'));
  }

  /** Whether its calls were held back long enough for one to find out whether it answers again. */
  get wantsProbing(): boolean {
    if (this.#probing || this.capabilities === undefined) return false;
    const { state, heldUntil } = this.provider.health();
    return state === 'down' && heldUntil !== undefined && this.#clock.now() >= heldUntil;
  }

  /** Asks for something that costs nothing, so that no copy has to find out. Whatever the answer, it is in `health`. */
  async probe(signal: AbortSignal): Promise<void> {
    this.#probing = true;
    try {
      await this.provider.head(probed, signal);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
    } finally {
      this.#probing = false;
    }
  }

  /** Whether it was never reached as such and it is time to try (again). */
  wantsConnecting(role: ProviderRole): boolean {
    if (this.#capabilities.has(role)) return false;
    return this.#failure === undefined || isOver(this.#failure.at + reconnectAfter, this.#clock.now(), reconnectAfter);
  }

  health(): ProviderHealth {
    if (this.#failure === undefined) return this.provider.health();
    const { error, at } = this.#failure;
    return { state: 'down', lastError: { code: error.code, message: error.message, at } };
  }
}
