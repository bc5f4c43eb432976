import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import { intercept } from './intercept.ts';
import type { ListPage, Provider } from './provider.ts';

/**
 * Bytes per second, on average: whoever takes more than is there waits until the debt is paid. One bucket serves
 * all providers of a process, per direction (`limits.bandwidth`).
 */
export class TokenBucket {
  readonly #bytesPerSecond: number;
  readonly #clock: Clock;
  /** The time at which everything taken so far has been paid for. */
  #paidAt = 0;

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
  }

  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const wait = this.#paidAt - now;
    this.#paidAt = Math.max(this.#paidAt, now) + (bytes / this.#bytesPerSecond) * 1000;
    if (wait > 0) await this.#clock.sleep(wait, signal);
  }
}

export interface Bandwidth {
  readonly up: TokenBucket;
  readonly down: TokenBucket;
}

/** Holds every body that goes to or comes from the provider to the given rates. */
export function limited(provider: Provider, { up, down }: Bandwidth): Provider {
  return intercept(provider, {
    around: async (call, run, signal) => {
      if (call.bytes > 0) await paid(up, call.bytes, provider.name, signal);
      return await run(signal);
    },
    body: (chunks, _key, signal) => slowed(chunks, down, provider.name, signal),
    list: (open: (after: undefined) => AsyncIterable<ListPage>) => open(undefined),
  });
}

async function* slowed(
  chunks: AsyncIterable<Uint8Array>,
  bucket: TokenBucket,
  provider: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    await paid(bucket, chunk.length, provider, signal);
    yield chunk;
  }
}

async function paid(bucket: TokenBucket, bytes: number, provider: string, signal: AbortSignal): Promise<void> {
  try {
    await bucket.take(bytes, signal);
  } catch (cause) {
    throw new ProviderError('aborted', 'aborted while waiting for bandwidth', { provider, cause });
  }
}
