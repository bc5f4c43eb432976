import { ProviderError, type ErrorCode } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { intercept, type Call } from './intercept.ts';
import type { ListPage, Provider } from './provider.ts';

/** Takes the time of one request in seconds; `outcome` is `ok` or the error's code. */
export type OnRequest = (provider: string, operation: Call['operation'], outcome: 'ok' | ErrorCode, seconds: number) => void;

/** Reports every request that goes to the provider, one by one, retries included. */
export function observed(provider: Provider, onRequest: OnRequest): Provider {
  async function timed<T>(operation: Call['operation'], run: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const report = (outcome: 'ok' | ErrorCode): void =>
      onRequest(provider.name, operation, outcome, (performance.now() - started) / 1000);
    try {
      const result = await run();
      report('ok');
      return result;
    } catch (error) {
      report(error instanceof ProviderError ? error.code : 'invalid');
      throw error;
    }
  }
  return intercept(provider, {
    around: async (call, run, signal) => await timed(call.operation, async () => await run(signal)),
    body: (chunks) => chunks,
    list: (open: (after: Key | undefined) => AsyncIterable<ListPage>) => timedPages(open(undefined), timed),
  });
}

async function* timedPages(
  pages: AsyncIterable<ListPage>,
  timed: <T>(operation: 'list', run: () => Promise<T>) => Promise<T>,
): AsyncGenerator<ListPage, void, undefined> {
  const iterator = pages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await timed('list', async () => await iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}
