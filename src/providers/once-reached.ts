import { ProviderError } from '../objects/errors.ts';
import type { MonitoredProvider } from './provider.ts';

/** Providers that the main thread has reached, by name, and their identities, where they have one. */
export type Reached = ReadonlyMap<string, string | undefined>;

/**
 * A provider of another thread: what the main one has not reached, which is what a person is told about, is not used behind
 * its back.
 * @param reached may grow.
 */
export function onceReached(provider: MonitoredProvider, reached: Reached): MonitoredProvider {
  const { name } = provider;
  const message =
    `"${name}" was not reached by Holdfast's main thread yet, which goes on trying and says why it could not; ` +
    'this thread uses it from then on.';
  return {
    ...provider,
    connect: async (role, signal) => {
      if (reached.has(name)) return await provider.connect(role, signal);
      throw new ProviderError('unavailable', message, { provider: name });
    },
  };
}
