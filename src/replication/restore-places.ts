import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Capabilities } from '../providers/provider.ts';
import { connectSoon } from './connect-soon.ts';
import type { RestoreOptions, RestoreTo } from './restore-plan.ts';
import type { Site } from './site.ts';

/** The places that answer, cheapest first: where nobody bills for reading, then as the policy names its targets. */
export async function placesToReadFrom(
  sites: readonly Site[],
  onUnreached: (site: Site, error: ProviderError) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Site[]> {
  const connect = async (site: Site): Promise<Capabilities> =>
    // The only place there is, is waited for.
    sites.length === 1 ? await site.connect('source', signal) : await connectSoon(site, 'source', clock, signal);
  const reached = await Promise.all(
    sites.map(async (site) => {
      try {
        // As sources are met: nothing is written to where data are rescued from.
        const { freeReads = false } = await connect(site);
        return { site, freeReads };
      } catch (error) {
        if (!(error instanceof ProviderError) || signal.aborted) throw error;
        onUnreached(site, error);
        return undefined;
      }
    }),
  );
  const answering = reached.filter((place) => place !== undefined);
  return [true, false]
    .flatMap((free) => answering.filter(({ freeReads }) => freeReads === free))
    .map(({ site }) => site);
}

/**
 * Reaches the destination. A dry run meets it as a source is met, and takes one that is not there for empty.
 * @returns undefined where a dry run found nothing there. @throws ProviderError when it cannot be used.
 */
export async function destination(
  { to: site, dryRun }: Pick<RestoreOptions, 'to' | 'dryRun'>,
  signal: AbortSignal,
): Promise<RestoreTo | undefined> {
  try {
    return { site, capabilities: await site.connect(dryRun ? 'source' : 'target', signal) };
  } catch (error) {
    if (dryRun && error instanceof ProviderError && error.code === 'not-found') return undefined;
    throw error;
  }
}
