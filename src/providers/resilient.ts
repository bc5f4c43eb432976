import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  DelegateBackoff,
  handleWhen,
  retry,
  type CircuitBreakerPolicy,
  type RetryPolicy,
} from 'cockatiel';
import type { Clock, Random } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { intercept, type Call, type Interception } from './intercept.ts';
import type { ListPage, MonitoredProvider, Provider, ProviderHealth } from './provider.ts';

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
  /** How long a body may go without a byte, in milliseconds. */
  readonly idle?: number;
}

const seconds = 1000;
const longestPause = 5 * seconds;
/** A provider that asks for more patience than this is left to the slower schedule of its copies. */
const longestRetryAfter = 20 * seconds;
const longestHoldBack = 60 * seconds;
/** Slower than this counts as stalled. */
const slowestBytesPerSecond = 64 * 1024;

/** How long one attempt may take besides the time its bytes need. */
const patience: Readonly<Record<Call['operation'], number>> = {
  connect: 120 * seconds,
  list: 120 * seconds,
  head: 30 * seconds,
  read: 60 * seconds,
  put: 60 * seconds,
  'start-upload': 60 * seconds,
  part: 60 * seconds,
  // Assembling a large object takes S3 minutes, and a filesystem has to flush it.
  complete: 900 * seconds,
  abort: 30 * seconds,
  delete: 30 * seconds,
};

/** Repeats what may succeed when repeated, bounds what hangs, and stops hammering a provider that is down. */
export function resilient(provider: Provider, options: ResilienceOptions): MonitoredProvider {
  const guard = new Guard(provider, options);
  return { ...intercept(provider, guard), health: () => guard.health() };
}

class Guard implements Interception {
  readonly #provider: Provider;
  readonly #options: Required<ResilienceOptions>;
  readonly #retry: RetryPolicy;
  readonly #breaker: CircuitBreakerPolicy;
  #heldBackUntil = 0;
  #lastError: ProviderHealth['lastError'] = null;
  #latestFailed = false;
  #ordered = true;

  constructor(provider: Provider, options: ResilienceOptions) {
    this.#provider = provider;
    this.#options = {
      retries: 4,
      firstPause: 200,
      breakAfter: 12,
      holdBack: 5 * seconds,
      idle: 60 * seconds,
      ...options,
    };
    this.#retry = retry(handleWhen(isWorthRepeating), {
      maxAttempts: this.#options.retries,
      backoff: new DelegateBackoff(({ attempt, result }) =>
        this.#pause(attempt, 'error' in result ? result.error : undefined),
      ),
    });
    this.#breaker = circuitBreaker(handleWhen(isOutage), {
      breaker: new ConsecutiveBreaker(this.#options.breakAfter),
      halfOpenAfter: new DelegateBackoff(({ attempt }) => this.#holdBack(attempt)),
    });
  }

  health(): ProviderHealth {
    const down = this.#breaker.state === CircuitState.Open && this.#options.clock.now() < this.#heldBackUntil;
    const state = down ? 'down' : this.#latestFailed ? 'degraded' : 'up';
    return { state, lastError: this.#lastError };
  }

  async around<T>(call: Call, run: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    // A second abort helps nobody, and a probe of what the provider refuses is no outage.
    if (call.operation === 'abort') return await this.#attempt(call, run, signal);
    const result = await this.#retry
      .execute(async () => await this.#breaker.execute(async () => await this.#attempt(call, run, signal)), signal)
      .catch((error: unknown) => {
        throw this.#translate(error, call);
      });
    if (call.operation === 'connect') this.#ordered = isOrdered(result);
    return result;
  }

  async *body(
    chunks: AsyncIterable<Uint8Array>,
    key: Key,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#paced(chunks, this.#options.idle, `reading ${key}`, signal);
  }

  async *list(
    open: (after: Key | undefined) => AsyncIterable<ListPage>,
    signal: AbortSignal,
  ): AsyncGenerator<ListPage, void, undefined> {
    let last: Key | undefined;
    let fruitless = 0;
    for (;;) {
      try {
        for await (const page of this.#paced(open(last), patience.list, 'listing', signal)) {
          this.#succeeded();
          yield page;
          fruitless = 0;
          last = page.entries.at(-1)?.key ?? last;
        }
        return;
      } catch (error) {
        this.#failed(error);
        fruitless += 1;
        // Only a listing in key order can be taken up again where it broke off.
        const resumable = isWorthRepeating(error) && (last === undefined || this.#ordered);
        if (!resumable || fruitless > this.#options.retries || signal.aborted) throw error;
        await this.#options.clock.sleep(this.#pause(fruitless, error), signal);
      }
    }
  }

  async #attempt<T>(call: Call, run: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const limit = patience[call.operation] + (call.bytes / slowestBytesPerSecond) * seconds;
    const timer = new AbortController();
    const timeout = setTimeout(() => timer.abort(), limit);
    try {
      const result = await run(AbortSignal.any([signal, timer.signal]));
      this.#succeeded();
      return result;
    } catch (error) {
      const failure = timer.signal.aborted && !signal.aborted ? this.#tooSlow(call, limit, error) : error;
      this.#failed(failure);
      throw failure;
    } finally {
      clearTimeout(timeout);
    }
  }

  /** Passes items on; throws `unavailable` when the next one lets us wait too long. */
  async *#paced<T>(
    items: AsyncIterable<T>,
    limit: number,
    what: string,
    signal: AbortSignal,
  ): AsyncGenerator<T, void, undefined> {
    const iterator = items[Symbol.asyncIterator]();
    let waiting = false;
    try {
      for (;;) {
        waiting = true;
        const next = await this.#soon(iterator.next(), limit, what, signal);
        waiting = false;
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      const ended = iterator.return?.();
      // One that hangs cannot be waited for; the owner's disposal and signal end what is below.
      if (waiting) ended?.catch(() => undefined);
      else await ended;
    }
  }

  async #soon<T>(promise: Promise<T>, limit: number, what: string, signal: AbortSignal): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const provider = this.#provider.name;
    const stalled = `${what} at ${provider} stalled: nothing came for ${limit / seconds} s`;
    const timer = setTimeout(() => reject(new ProviderError('unavailable', stalled, { provider })), limit);
    const abort = (): void => reject(new ProviderError('aborted', `${what} at ${provider} was aborted`, { provider }));
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  #pause(attempt: number, error: unknown): number {
    const bound = Math.min(longestPause, this.#options.firstPause * 2 ** (attempt - 1));
    const asked = error instanceof ProviderError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(asked, this.#options.random() * bound);
  }

  #holdBack(attempt: number): number {
    const delay = Math.min(longestHoldBack, this.#options.holdBack * 2 ** Math.max(0, attempt - 1));
    this.#heldBackUntil = this.#options.clock.now() + delay;
    return delay;
  }

  #succeeded(): void {
    this.#latestFailed = false;
  }

  #failed(error: unknown): void {
    if (!(error instanceof ProviderError) || !isTelling(error)) return;
    this.#latestFailed = true;
    this.#lastError = { code: error.code, message: error.message, at: this.#options.clock.now() };
  }

  #tooSlow(call: Call, limit: number, cause: unknown): ProviderError {
    const { name: provider } = this.#provider;
    const message = `${provider} did not answer ${call.operation} within ${Math.round(limit / seconds)} s`;
    return new ProviderError('unavailable', message, {
      provider,
      cause,
      ...(call.key === undefined ? {} : { key: call.key }),
    });
  }

  #translate(error: unknown, call: Call): unknown {
    if (!(error instanceof BrokenCircuitError)) return error;
    const { name: provider } = this.#provider;
    const why = this.#lastError === null ? '' : `; the latest failure: ${this.#lastError.message}`;
    const message = `${provider} keeps failing, so that calls are held back for a while${why}`;
    return new ProviderError('unavailable', message, {
      provider,
      cause: error,
      ...(call.key === undefined ? {} : { key: call.key }),
    });
  }
}

function isWorthRepeating(error: unknown): boolean {
  if (!(error instanceof ProviderError) || !error.retryable) return false;
  return error.retryAfterMs === undefined || error.retryAfterMs <= longestRetryAfter;
}

function isOutage(error: unknown): boolean {
  return error instanceof ProviderError && error.code === 'unavailable';
}

/** Codes that say something of the provider and not only of one object. */
function isTelling(error: ProviderError): boolean {
  return error.code === 'unavailable' || error.code === 'throttled' || error.code === 'denied';
}

function isOrdered(capabilities: unknown): boolean {
  return (capabilities as { listing?: string } | undefined)?.listing !== 'unordered';
}
