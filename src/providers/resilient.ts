import type { Clock, Random } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { Breaker, type Admission, type Outcome } from './breaker.ts';
import { intercept, type Call, type Interception, type OpenListing } from './intercept.ts';
import { lastKeyOf } from './listing-page.ts';
import { LeftRunning } from './patient.ts';
import type { Capabilities, ListPage, MonitoredProvider, Provider, ProviderHealth } from './provider.ts';

export interface ResilienceOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Attempts after the first. */
  readonly retries?: number;
  /** Bound of the first pause between attempts, in milliseconds; it doubles each time (full jitter). */
  readonly firstPause?: number;
  /** Failures in a row after which calls are held back. */
  readonly breakAfter?: number;
  /** How long they are held back at first, in milliseconds; doubles up to a minute. */
  readonly holdBack?: number;
}

const seconds = 1_000;
const longestPause = 5 * seconds;
/** A provider that asks for more patience than this is left to the slower schedule of its copies. */
const longestRetryAfter = 20 * seconds;
/** So long what a provider said itself is not replaced by why somebody gave up waiting for it. */
const worthTelling = 60 * seconds;

/** Repeats what may succeed when repeated, and stops hammering a provider that is down. */
export function resilient(provider: Provider, options: ResilienceOptions): MonitoredProvider {
  const guard = new Guard(provider.name, options);
  return {
    ...intercept(provider, guard),
    connect: async (role, signal) =>
      guard.learn(await guard.around(connecting, (s) => provider.connect(role, s), signal)),
    health: () => guard.health(),
  };
}

const connecting: Call = { operation: 'connect', bytes: 0 };

class Guard implements Interception {
  readonly #provider: string;
  readonly #options: Required<ResilienceOptions>;
  readonly #breaker: Breaker;
  #lastError: ProviderHealth['lastError'] = null;
  #latestFailed = false;
  #ordered = true;

  constructor(provider: string, options: ResilienceOptions) {
    this.#provider = provider;
    this.#options = { retries: 4, firstPause: 200, breakAfter: 12, holdBack: 5 * seconds, ...options };
    this.#breaker = new Breaker(this.#options);
  }

  health(): ProviderHealth {
    const { heldUntil } = this.#breaker;
    const state = heldUntil !== undefined ? 'down' : this.#latestFailed ? 'degraded' : 'up';
    return { state, lastError: this.#lastError, ...(heldUntil !== undefined && { heldUntil }) };
  }

  /** Only a listing in key order can be taken up again where it broke off. */
  learn(capabilities: Capabilities): Capabilities {
    this.#ordered = capabilities.listing === 'ordered';
    return capabilities;
  }

  async around<T>(call: Call, run: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    // A second one helps nobody, and what an upload holds here (a file, memory) is freed even if its provider is down.
    if (call.operation === 'abort') return await run(signal);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(call, run, signal);
      } catch (error) {
        if (attempt > this.#options.retries) throw error;
        await this.#pauseAfter(error, attempt, signal);
        if (error instanceof ProviderError && error.code === 'unavailable') await call.onRepeat?.();
      }
    }
  }

  async *body(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* chunks;
    } catch (error) {
      this.#note(error);
      throw error;
    }
  }

  async *list(open: OpenListing, signal: AbortSignal): AsyncGenerator<ListPage, void, undefined> {
    let last: Key | undefined;
    for (let fruitless = 1; ; fruitless += 1) {
      try {
        for await (const page of this.#watched(() => open(last))) {
          const reached = lastKeyOf(page) ?? last;
          if (reached !== last) fruitless = 0;
          last = reached;
          yield page;
        }
        return;
      } catch (error) {
        const resumable = last === undefined || this.#ordered;
        if (!resumable || fruitless > this.#options.retries) throw error;
        await this.#pauseAfter(error, Math.max(1, fruitless), signal);
      }
    }
  }

  async #attempt<T>(call: Call, run: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const admission = this.#admit(call.key);
    let outcome: Outcome = 'unknown';
    try {
      const result = await run(signal);
      outcome = this.#note(undefined);
      return result;
    } catch (error) {
      outcome = this.#note(error, signal.aborted);
      throw error;
    } finally {
      this.#breaker.settle(admission, outcome);
    }
  }

  async *#watched(open: () => AsyncIterable<ListPage>): AsyncGenerator<ListPage, void, undefined> {
    let admission = this.#admit(undefined);
    let outcome: Outcome = 'unknown';
    try {
      for await (const page of open()) {
        this.#breaker.settle(admission, this.#note(undefined));
        // A trial ends with its first page; what comes after was not asked for in order to find out.
        admission = 'ordinary';
        yield page;
      }
      outcome = this.#note(undefined);
    } catch (error) {
      outcome = this.#note(error);
      throw error;
    } finally {
      this.#breaker.settle(admission, outcome);
    }
  }

  /** @throws ProviderError `unavailable` while calls are held back. */
  #admit(key: Key | undefined): Admission {
    const admission = this.#breaker.admit();
    if (admission !== undefined) return admission;
    const why = this.#lastError === null ? '' : `; the latest failure: ${this.#lastError.message}`;
    const message = `"${this.#provider}" keeps failing, so that calls are held back for a while${why}`;
    throw new HeldBack('unavailable', message, { provider: this.#provider, ...(key !== undefined && { key }) });
  }

  /** Waits until the call may be repeated. @throws `error` when it may not, `aborted` when the signal aborts first. */
  async #pauseAfter(error: unknown, attempt: number, signal: AbortSignal): Promise<void> {
    if (!isWorthRepeating(error)) throw error;
    const bound = Math.min(longestPause, this.#options.firstPause * 2 ** (attempt - 1));
    const pause = Math.max(error.retryAfterMs ?? 0, this.#options.random() * bound);
    try {
      await this.#options.clock.sleep(pause, signal);
    } catch (cause) {
      const message = `"${this.#provider}" was not asked again: the call was aborted. Before that: ${error.message}`;
      const { provider, key } = error;
      throw new ProviderError('aborted', message, { provider, cause, ...(key !== undefined && { key }) });
    }
  }

  /** Remembers how a request ended, for health. `givenUp`: it was not the provider that ended it. */
  #note(error: unknown, givenUp = false): Outcome {
    const code = error instanceof ProviderError ? error.code : undefined;
    if (error !== undefined && (code === undefined || code === 'aborted')) return 'unknown';
    this.#latestFailed = code === 'unavailable' || code === 'throttled' || code === 'denied';
    if (this.#latestFailed && error instanceof ProviderError && !(givenUp && this.#saidWhyJustNow())) {
      this.#lastError = { code: error.code, message: error.message, at: this.#options.clock.now() };
    }
    if (code === 'throttled') return code;
    return code === 'unavailable' ? 'outage' : 'answered';
  }

  #saidWhyJustNow(): boolean {
    return this.#lastError !== null && this.#options.clock.now() - this.#lastError.at < worthTelling;
  }
}

/** Refused here, without asking the provider. */
class HeldBack extends ProviderError {}

function isWorthRepeating(error: unknown): error is ProviderError {
  if (!(error instanceof ProviderError) || !error.retryable) return false;
  if (error instanceof HeldBack || error instanceof LeftRunning) return false;
  return error.retryAfterMs === undefined || error.retryAfterMs <= longestRetryAfter;
}
