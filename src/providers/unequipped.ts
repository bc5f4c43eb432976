import { ProviderError } from '../objects/errors.ts';
import type { MonitoredProvider } from './provider.ts';

/** Stands for a provider that cannot be opened here, so that it is met like one that refuses whoever asks. */
export function unequipped(name: string, why: string): MonitoredProvider {
  const message = `"${name}" cannot be used here: ${why}`;
  const refuse = (): Promise<never> => Promise.reject(new ProviderError('denied', message, { provider: name }));
  return {
    name,
    connect: refuse,
    list: () => ({ [Symbol.asyncIterator]: () => ({ next: refuse }) }),
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
