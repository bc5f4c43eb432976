import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { intercept } from './intercept.ts';
import type { ListPage, ObjectReader, Provider, ReadOptions } from './provider.ts';
import type { Slots } from './slots.ts';
import type { TokenBucket } from './token-bucket.ts';

export interface Turns {
  /** Requests per second. */
  readonly requests: TokenBucket;
  /**
   * Requests at once, and bodies being read at once: whoever reads a body may write what it reads to the same provider,
   * and would wait for itself for ever if both counted together.
   */
  readonly calls: Slots;
  readonly bodies: Slots;
}

/** Lets a request begin when it is its turn. A page of a listing is a request; between pages a listing holds no place. */
export function inTurn(provider: Provider, turns: Turns): Provider {
  const { requests, calls, bodies } = turns;
  const waiting = async <T>(turn: Promise<T>, key: Key | undefined): Promise<T> => {
    try {
      return await turn;
    } catch (cause) {
      const message = `A call to "${provider.name}" was aborted while it waited for its turn.`;
      const details = { provider: provider.name, cause, ...(key !== undefined && { key }) };
      throw new ProviderError('aborted', message, details);
    }
  };
  return {
    ...intercept(provider, {
      around: async (call, run, signal) => {
        const release = await waiting(calls.take(signal), call.key);
        try {
          await waiting(requests.take(1, signal), call.key);
          return await run(signal);
        } finally {
          release();
        }
      },
      body: (chunks) => chunks,
      list: (open, signal) => paged(open(), async () => await waiting(requests.take(1, signal), undefined)),
    }),
    read: async (key, options, signal) => {
      const release = await waiting(bodies.take(signal), key);
      try {
        await waiting(requests.take(1, signal), key);
        return await readHolding(provider, key, options, release, signal);
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

async function readHolding(
  provider: Provider,
  key: Key,
  options: ReadOptions,
  release: () => void,
  signal: AbortSignal,
): Promise<ObjectReader> {
  const reader = await provider.read(key, options, signal);
  return {
    head: reader.head,
    body: reader.body,
    [Symbol.asyncDispose]: async () => {
      try {
        await reader[Symbol.asyncDispose]();
      } finally {
        release();
      }
    },
  };
}

async function* paged(
  pages: AsyncIterable<ListPage>,
  turn: () => Promise<void>,
): AsyncGenerator<ListPage, void, undefined> {
  await turn();
  for await (const page of pages) {
    yield page;
    await turn();
  }
}
