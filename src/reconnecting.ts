import { ProviderError } from './objects/errors.ts';
import type { ProviderRole } from './providers/provider.ts';
import type { Site } from './replication/site.ts';
import type { Log } from './telemetry/log.ts';

/** Tries places that were never reached again and again. */
export class Reconnecting {
  readonly #role: ProviderRole;
  readonly #sites: ReadonlySet<Site>;
  readonly #log: Log;
  readonly #onFailure: (error: unknown) => void;
  readonly #connecting = new Map<Site, Promise<void>>();
  readonly #said = new Map<Site, string>();

  /** @param onFailure told of what is no provider's failure. */
  constructor(role: ProviderRole, sites: Iterable<Site>, log: Log, onFailure: (error: unknown) => void) {
    this.#role = role;
    this.#sites = new Set(sites);
    this.#log = log;
    this.#onFailure = onFailure;
  }

  /** Waits for none of them: one that hangs keeps no other from being reached. */
  round(signal: AbortSignal): void {
    for (const site of this.#sites) {
      if (!site.wantsConnecting(this.#role) || this.#connecting.has(site)) continue;
      const connected = this.#connect(site, signal).finally(() => this.#connecting.delete(site));
      this.#connecting.set(site, connected);
    }
  }

  /** Resolves when none is being reached any more. */
  async over(): Promise<void> {
    await Promise.all(this.#connecting.values());
  }

  async #connect(site: Site, signal: AbortSignal): Promise<void> {
    try {
      await site.connect(this.#role, signal);
    } catch (error) {
      if (error instanceof ProviderError) this.#say(site, error);
      else this.#onFailure(error);
    }
  }

  /** Once, until it is another failure. */
  #say(site: Site, { code, message }: ProviderError): void {
    const level = this.#said.get(site) === message ? 'debug' : 'warn';
    this.#said.set(site, message);
    this.#log[level]({ provider: site.name, code }, message);
  }
}
