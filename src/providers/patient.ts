import { systemClock, type Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { intercept, type Call, type OpenListing } from './intercept.ts';
import { Leash } from '../objects/leash.ts';
import type { ListPage, ObjectReader, Provider, ReadOptions } from './provider.ts';
import { requestTimeouts, usualTimeouts } from './timeouts.ts';

/** All in milliseconds. */
export interface PatienceOptions {
  readonly clock?: Pick<Clock, 'after'>;
  /** How long a request may take besides the time its bytes need. */
  readonly request?: Partial<Readonly<Record<Call['operation'], number>>>;
  /** How long a body may go without a byte. */
  readonly idle?: number;
  /** How long a request that was told to stop may take to do so before it is left to itself. */
  readonly grace?: number;
}

const seconds = 1_000;
/** Slower than this counts as stalled. */
const slowestBytesPerSecond = 64 * 1_024;
/** Some servers copy all parts when they put an object together, and say nothing until it stands. */
const slowestAssembly = 16 * 1_024 * 1_024;

/**
 * The request did not even stop when it was told to (a disk that hangs in the kernel): it may still read the bytes it was
 * given, and hold a thread or a connection. It is not repeated, so that who gave the bytes hears that they are not free.
 */
export class LeftRunning extends ProviderError {}

/** Ends whatever hangs: a request, a body or a listing on which nothing comes becomes `unavailable`. */
export function patient(provider: Provider, options: PatienceOptions = {}): Provider {
  const watch = new Watch(provider, options);
  return {
    ...intercept(provider, {
      around: (call, run, signal) => watch.request(call, run, signal),
      free: (work) => watch.free(work),
      body: (chunks) => chunks,
      list: (open, signal) => watch.listing(open, signal),
    }),
    read: (key, readOptions, signal) => watch.reader(key, readOptions, signal),
  };
}

class Watch {
  readonly #provider: Provider;
  readonly #limits: Readonly<Record<Call['operation'], number>>;
  readonly #idle: number;
  readonly #grace: number;
  readonly #clock: Pick<Clock, 'after'>;

  constructor(provider: Provider, options: PatienceOptions) {
    const { request, idle = usualTimeouts.idle, grace = 5 * seconds, clock = systemClock } = options;
    this.#provider = provider;
    this.#limits = { ...requestTimeouts(usualTimeouts.call), ...request };
    this.#idle = idle;
    this.#grace = grace;
    this.#clock = clock;
  }

  async request<T>(call: Call, run: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    using leash = new Leash(signal);
    return await this.#bounded(call, run, leash);
  }

  /** Its leash lasts as long as the reader: the body hangs on it. */
  async reader(key: Key, options: ReadOptions, signal: AbortSignal): Promise<ObjectReader> {
    const leash = new Leash(signal);
    try {
      const call: Call = { operation: 'read', key, bytes: 0 };
      const reader = await this.#bounded(call, async (inner) => await this.#provider.read(key, options, inner), leash);
      if (leash.signal.aborted) await discard(reader);
      const what = `the body of ${JSON.stringify(key)}`;
      return {
        head: reader.head,
        body: this.#paced(reader.body, this.#idle, what, leash, key),
        [Symbol.asyncDispose]: async () => {
          leash[Symbol.dispose]();
          await this.free(() => reader[Symbol.asyncDispose]());
        },
      };
    } catch (error) {
      leash[Symbol.dispose]();
      throw error;
    }
  }

  /** What hangs is left to itself: nobody needs what it holds. */
  async free(work: () => PromiseLike<void>): Promise<void> {
    const { promise: long, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(this.#grace, resolve);
    try {
      await Promise.race([work(), long]);
    } finally {
      cancel();
    }
  }

  async *listing(open: OpenListing, signal: AbortSignal): AsyncGenerator<ListPage, void, undefined> {
    using leash = new Leash(signal);
    yield* this.#paced(open(undefined, leash.signal), this.#limits.list, 'the listing', leash);
  }

  async #bounded<T>(call: Call, run: (signal: AbortSignal) => Promise<T>, leash: Leash): Promise<T> {
    const own = call.bytes / slowestBytesPerSecond + (call.size ?? 0) / slowestAssembly;
    const limit = this.#limits[call.operation] + own * seconds;
    const what = (): string => `did not ${call.operation} within ${Math.round(limit / seconds)} s`;
    let tooSlow: ProviderError | undefined;
    // Made only then: an error costs more than all else here, and every request comes by.
    const cancel = this.#clock.after(limit, () => {
      tooSlow = this.#error('unavailable', what(), call);
      leash.abort(tooSlow);
    });
    try {
      return await this.#unlessAbandoned(run(leash.signal), call, leash.signal);
    } catch (error) {
      if (tooSlow === undefined || leash.signal.reason !== tooSlow) throw error;
      throw error instanceof LeftRunning ? this.#leftRunning('unavailable', `${what()}, and`, call) : tooSlow;
    } finally {
      cancel();
    }
  }

  /** An aborted request ends by itself, and its buffers are free then. One that does not is not waited for: `LeftRunning`. */
  async #unlessAbandoned<T>(running: Promise<T>, call: Call, signal: AbortSignal): Promise<T> {
    const { promise: abandoned, reject } = Promise.withResolvers<never>();
    let cancel: (() => void) | undefined;
    const startGrace = (): void => {
      cancel = this.#clock.after(this.#grace, () => {
        running.then(discard).catch(() => undefined);
        reject(this.#leftRunning('aborted', `was asked to ${call.operation} and`, call));
      });
    };
    if (signal.aborted) startGrace();
    else signal.addEventListener('abort', startGrace, { once: true });
    try {
      return await Promise.race([running, abandoned]);
    } finally {
      signal.removeEventListener('abort', startGrace);
      cancel?.();
    }
  }

  /** Passes items on; when the next one lets us wait too long, ends what it waits for. */
  async *#paced<T>(
    items: AsyncIterable<T>,
    limit: number,
    what: string,
    leash: Leash,
    key?: Key,
  ): AsyncGenerator<T, void, undefined> {
    const ends: Ends = {
      clock: this.#clock,
      limit,
      stalled: () => this.#error('unavailable', `stalled: nothing of ${what} came for ${limit / seconds} s`, { key }),
      aborted: () => this.#error('aborted', `was told to stop while it sent ${what}`, { key }),
    };
    const iterator = items[Symbol.asyncIterator]();
    for (;;) {
      const next = await soon(iterator, ends, leash);
      if (next.done === true) return;
      let wanted = false;
      try {
        yield next.value;
        wanted = true;
      } finally {
        if (!wanted) await iterator.return?.();
      }
    }
  }

  #leftRunning(code: 'unavailable' | 'aborted', before: string, { key }: Call): LeftRunning {
    const { name: provider } = this.#provider;
    const message = `"${provider}" ${before} did not stop when it was told to; what it was given is left to it`;
    return new LeftRunning(code, message, { provider, ...(key !== undefined && { key }) });
  }

  #error(code: 'unavailable' | 'aborted', what: string, { key }: { readonly key?: Key | undefined }): ProviderError {
    const { name: provider } = this.#provider;
    return new ProviderError(code, `"${provider}" ${what}`, { provider, ...(key !== undefined && { key }) });
  }
}

interface Ends {
  readonly clock: Pick<Clock, 'after'>;
  readonly limit: number;
  stalled(): ProviderError;
  aborted(): ProviderError;
}

async function soon<T>(iterator: AsyncIterator<T>, ends: Ends, leash: Leash): Promise<IteratorResult<T>> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const { signal } = leash;
  const giveUp = (error: ProviderError): void => {
    signal.removeEventListener('abort', abort);
    reject(error);
    leash.abort(error);
    // Takes effect when what is waited for has ended; one that hangs cannot be waited for.
    iterator.return?.().catch(() => undefined);
  };
  const abort = (): void => giveUp(ends.aborted());
  const cancel = ends.clock.after(ends.limit, () => giveUp(ends.stalled()));
  try {
    const next = iterator.next();
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    return await Promise.race([next, late]);
  } finally {
    cancel();
    signal.removeEventListener('abort', abort);
  }
}

/** What came after nobody waited for it any more holds a connection or a file open. */
async function discard(late: unknown): Promise<void> {
  if (typeof late === 'object' && late !== null && Symbol.asyncDispose in late) {
    await (late as AsyncDisposable)[Symbol.asyncDispose]();
  }
}
