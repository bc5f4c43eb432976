import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { intercept } from './intercept.ts';
import type { Provider } from './provider.ts';
import { TokenBucket } from './token-bucket.ts';

export interface Bandwidth {
  readonly up: TokenBucket;
  readonly down: TokenBucket;
}

/** Holds every body that goes to or comes from the provider to the given rates. */
export function limited(provider: Provider, { up, down }: Bandwidth): Provider {
  return intercept(provider, {
    around: async (call, run, signal) => {
      if (call.bytes > 0) await paid(up, call.bytes, provider.name, call.key, signal);
      return await run(signal);
    },
    body: (chunks, key, signal) => slowed(chunks, down, provider.name, key, signal),
    list: (open) => open(),
  });
}

/** A limit of its own, shared by all providers it is applied to, in both directions together. */
export function throttle(bytesPerSecond: number, clock: Clock): (provider: Provider) => Provider {
  const bucket = new TokenBucket(bytesPerSecond, clock);
  return (provider) => limited(provider, { up: bucket, down: bucket });
}

async function* slowed(
  chunks: AsyncIterable<Uint8Array>,
  bucket: TokenBucket,
  provider: string,
  key: Key,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    await paid(bucket, chunk.length, provider, key, signal);
    yield chunk;
  }
}

async function paid(
  bucket: TokenBucket,
  bytes: number,
  provider: string,
  key: Key | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    await bucket.take(bytes, signal);
  } catch (cause) {
    const message = `A call to "${provider}" was aborted while it waited for bandwidth.`;
    throw new ProviderError('aborted', message, { provider, cause, ...(key !== undefined && { key }) });
  }
}
