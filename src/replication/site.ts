import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Capabilities, MonitoredProvider, ProviderHealth, ProviderRole } from '../providers/provider.ts';

/** How long a provider that could not be reached is left alone before it is tried again. */
const reconnectAfter = 5_000;

/** One configured provider as the replication sees it: reached or not, up or down. */
export class Site {
  readonly provider: MonitoredProvider;
  readonly #clock: Clock;
  readonly #capabilities = new Map<ProviderRole, Capabilities>();
  readonly #connecting = new Map<ProviderRole, Promise<Capabilities>>();
  #failure: { readonly error: ProviderError; readonly at: number } | undefined;

  constructor(provider: MonitoredProvider, clock: Clock) {
    this.provider = provider;
    this.#clock = clock;
  }

  get name(): string {
    return this.provider.name;
  }

  /**
   * Reaches the provider, once per role: whoever comes while that goes on waits for the same answer.
   * @throws ProviderError when it cannot be reached or used.
   */
  async connect(role: ProviderRole, signal: AbortSignal): Promise<Capabilities> {
    const known = this.#capabilities.get(role);
    if (known !== undefined) return known;
    const connecting = this.#connecting.get(role) ?? this.#reach(role, signal);
    this.#connecting.set(role, connecting);
    try {
      return await connecting;
    } finally {
      this.#connecting.delete(role);
    }
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

  /** What tells it from another place at the same address, as far as it was reached. */
  get identity(): string | undefined {
    return (this.#capabilities.get('source') ?? this.#capabilities.get('target'))?.identity;
  }

  /** See `Capabilities`; undefined while it was not reached. */
  get preciseTimes(): boolean | undefined {
    return (this.#capabilities.get('source') ?? this.#capabilities.get('target'))?.preciseTimes;
  }

  /** What it can do as a target; undefined while it was not reached as one. */
  get capabilities(): Capabilities | undefined {
    return this.#capabilities.get('target');
  }

  /** Whether work may be given to it now. */
  get available(): boolean {
    return this.capabilities !== undefined && this.provider.health().state !== 'down';
  }

  /** Whether it was never reached and it is time to try (again). */
  get wantsConnecting(): boolean {
    if (this.capabilities !== undefined) return false;
    return this.#failure === undefined || this.#clock.now() - this.#failure.at >= reconnectAfter;
  }

  health(): ProviderHealth {
    if (this.#failure === undefined) return this.provider.health();
    const { error, at } = this.#failure;
    return { state: 'down', lastError: { code: error.code, message: error.message, at } };
  }
}
