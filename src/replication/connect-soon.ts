import type { Clock } from '../objects/clock.ts';
import { ProviderError } from '../objects/errors.ts';
import { Leash } from '../objects/leash.ts';
import type { Capabilities, ProviderRole } from '../providers/provider.ts';
import type { Site } from './site.ts';

/** How long others wait for a place to be reached, in milliseconds. */
const connectWithin = 15_000;

/** A place that does not answer holds up nobody: it goes on being reached while the others do without it. */
export async function connectSoon(
  site: Site,
  role: ProviderRole,
  clock: Clock,
  signal: AbortSignal,
): Promise<Capabilities> {
  using timer = new Leash(signal);
  const late = async (): Promise<never> => {
    await clock.sleep(connectWithin, timer.signal);
    const message = `${site.name} did not answer within ${connectWithin / 1000} s; the others do without it`;
    throw new ProviderError('unavailable', message, { provider: site.name });
  };
  try {
    return await Promise.race([site.connect(role, signal), late()]);
  } finally {
    timer.abort(new Error('it answered'));
  }
}
