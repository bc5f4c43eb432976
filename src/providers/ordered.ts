import { ProviderError } from '../objects/errors.ts';
import { forwarded } from './forwarded.ts';
import type { Key } from '../objects/key.ts';
import { expectAscending } from './key-order.ts';
import { ListingSpool } from './listing-spool.ts';
import type { ListPage, Provider } from './provider.ts';

/**
 * A provider whose listings are in byte order, for certain: an ordered listing is checked while it streams, because
 * a pass that trusts a wrong order takes objects for missing; an unordered one is sorted on disk first.
 */
export function ordered(provider: Provider): Provider {
  let sorted = true;
  return {
    ...forwarded(provider),
    connect: async (role, signal) => {
      const capabilities = await provider.connect(role, signal);
      sorted = capabilities.listing === 'ordered';
      return { ...capabilities, listing: 'ordered', listsAfter: sorted && capabilities.listsAfter === true };
    },
    list: (options, signal) => {
      const pages = provider.list(options, signal);
      return sorted ? checked(pages, provider.name) : spooled(pages, provider.name, signal);
    },
  };
}

async function* checked(pages: AsyncIterable<ListPage>, provider: string): AsyncGenerator<ListPage> {
  let last: Key | undefined;
  for await (const page of pages) {
    last = expectAscending(page.entries, last, (before, now) => outOfOrder(provider, before, now));
    yield page;
  }
}

function outOfOrder(provider: string, last: Key, key: Key): ProviderError {
  const [before, now] = [JSON.stringify(last), JSON.stringify(key)];
  const message =
    `"${provider}" listed ${now} after ${before}, which is not the byte order it promised. ` +
    'The listing cannot be trusted and was abandoned; nothing was changed on its account.';
  return new ProviderError('invalid', message, { provider, key });
}

async function* spooled(
  pages: AsyncIterable<ListPage>,
  provider: string,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  using spool = new ListingSpool(provider);
  for await (const { entries, ignored } of pages) {
    spool.add(entries);
    // Without entries too: whoever waits sees that it goes on.
    yield { entries: [], ...(ignored !== undefined && { ignored }) };
  }
  for (const entries of spool.pages()) {
    if (signal.aborted) {
      throw new ProviderError('aborted', `Listing "${provider}" was aborted.`, {
        provider,
        cause: signal.reason as unknown,
      });
    }
    yield { entries };
  }
}
