import { ProviderError } from '../objects/errors.ts';
import type { ListPage, MonitoredProvider } from './provider.ts';

/** Stands for a provider that cannot be opened here, so that it is met like one that refuses whoever asks. */
export function unequipped(name: string, why: string): MonitoredProvider {
  const message = `"${name}" cannot be used here: ${why}`;
  const refused = (): ProviderError => new ProviderError('denied', message, { provider: name });
  const refuse = (): Promise<never> => Promise.reject(refused());
  return {
    name,
    connect: refuse,
    list: () => refusedListing(refused),
    head: refuse,
    read: refuse,
    put: refuse,
    startUpload: refuse,
    resumeUpload: refuse,
    abortUpload: refuse,
    listUploads: refuse,
    delete: refuse,
    close: () => Promise.resolve(),
    health: () => ({ state: 'down', lastError: { code: 'denied', message, at: 0 } }),
  };
}

async function* refusedListing(refused: () => ProviderError): AsyncGenerator<ListPage, void, undefined> {
  throw refused();
}
