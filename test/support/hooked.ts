import { systemClock, type Clock } from '../../src/objects/clock.ts';
import type { ErrorCode } from '../../src/objects/errors.ts';
import { ProviderError } from '../../src/objects/errors.ts';
import type { Key } from '../../src/objects/key.ts';
import { intercept, type Call, type OpenListing } from '../../src/providers/intercept.ts';
import { MemoryProvider, type MemoryOptions } from '../../src/providers/memory/memory.ts';
import type { ListPage, Provider } from '../../src/providers/provider.ts';

/** A memory provider whose every request passes through the hands of a test. */
export class Hooked {
  readonly memory: MemoryProvider;
  readonly provider: Provider;
  readonly calls: Call[] = [];
  /** The signal that came with the latest request. */
  signal: AbortSignal | undefined;
  /** Runs before a request; what it throws is the request's outcome. */
  before: (call: Call, signal: AbortSignal) => void | Promise<void> = () => undefined;
  body: (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array> = (chunks) => chunks;
  listing: (open: OpenListing, signal: AbortSignal) => AsyncIterable<ListPage> = (open) => open();

  constructor(options: MemoryOptions = {}) {
    this.memory = new MemoryProvider(options);
    this.provider = intercept(this.memory, {
      around: async (call, run, signal) => {
        this.calls.push(call);
        this.signal = signal;
        await this.before(call, signal);
        return await run(signal);
      },
      body: (chunks) => this.body(chunks),
      list: (open, signal) => {
        this.calls.push({ operation: 'list', bytes: 0 });
        this.signal = signal;
        return this.listing(open, signal);
      },
    });
  }

  error(code: ErrorCode, retryAfterMs?: number, key?: Key): ProviderError {
    const details = { provider: 'memory', ...(retryAfterMs !== undefined && { retryAfterMs }) };
    return new ProviderError(code, `it says ${code}`, { ...details, ...(key !== undefined && { key }) });
  }

  /** Every request, or so many of them, fails so. */
  failWith(code: ErrorCode, times = Infinity): void {
    let left = times;
    this.before = () => {
      left -= 1;
      if (left >= 0) throw this.error(code);
    };
  }

  heal(): void {
    this.before = () => undefined;
  }
}

/** Waits for the abort and for nothing else. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new ProviderError('aborted', 'it was aborted', { provider: 'memory' }));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** Time passes only by sleeping, and at once. */
export class SleepingClock implements Clock {
  readonly sleeps: number[] = [];
  readonly after = systemClock.after;
  time = 1_000_000;

  now(): number {
    return this.time;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.sleeps.push(ms);
    this.time += ms;
    await Promise.resolve();
  }
}
