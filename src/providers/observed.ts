import { ProviderError, type ErrorCode } from '../objects/errors.ts';
import { intercept, type Call } from './intercept.ts';
import type { ListPage, Provider } from './provider.ts';

/** Takes the time of one request in seconds; `outcome` is `ok` or the error's code. */
export type OnRequest = (
  provider: string,
  operation: Call['operation'],
  outcome: 'ok' | ErrorCode,
  seconds: number,
) => void;

/** Reports every request that goes to the provider, one by one, retries included; of a listing every page. */
export function observed(provider: Provider, onRequest: OnRequest): Provider {
  const begin = (operation: Call['operation']): ((outcome: 'ok' | ErrorCode) => void) => {
    const started = performance.now();
    return (outcome) => onRequest(provider.name, operation, outcome, (performance.now() - started) / 1_000);
  };
  return intercept(provider, {
    around: async (call, run, signal) => await reported(begin(call.operation), async () => await run(signal)),
    body: (chunks) => chunks,
    list: (open) => reportedPages(open(), () => begin('list')),
  });
}

type Report = (outcome: 'ok' | ErrorCode) => void;

async function reported<T>(report: Report, run: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await run();
  } catch (error) {
    report(outcomeOf(error));
    throw error;
  }
  report('ok');
  return result;
}

/** The end of a listing is no request, but for one that ends before its first page. */
async function* reportedPages(
  pages: AsyncIterable<ListPage>,
  begin: () => Report,
): AsyncGenerator<ListPage, void, undefined> {
  let report = begin();
  let count = 0;
  try {
    for await (const page of pages) {
      report('ok');
      count += 1;
      yield page;
      report = begin();
    }
  } catch (error) {
    report(outcomeOf(error));
    throw error;
  }
  if (count === 0) report('ok');
}

function outcomeOf(error: unknown): ErrorCode {
  return error instanceof ProviderError ? error.code : 'invalid';
}
