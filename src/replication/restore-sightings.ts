import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { Provider } from '../providers/provider.ts';
import { headIfThere } from './prove.ts';
import { keysWithHistory } from './restore-orphans.ts';
import { told, type RestoreEngine, type RestorePolicy } from './restore-plan.ts';
import { RestoreWalk, type Sighting, type WalkPlaces } from './restore-walk.ts';

/** Every object once: those that the catalog knows or that stand somewhere, in key order, then those that are only kept. */
export async function* sightings(
  engine: RestoreEngine,
  policy: RestorePolicy,
  places: WalkPlaces,
  signal: AbortSignal,
): AsyncGenerator<Sighting, void, undefined> {
  await using walk = new RestoreWalk(engine, policy, places, signal);
  yield* walk.sightings();
  if (!places.kept) return;
  for await (const key of keysWithHistory(places.from, places.onUnreached, signal)) {
    if (!key.startsWith(places.prefix) || !policy.includes(key)) continue;
    if (await wasSeen(key, engine, policy, places, signal)) continue;
    const there = places.to === undefined ? undefined : await headIfThere(places.to.site.provider, key, signal);
    yield { key, row: undefined, standing: [], there };
  }
}

async function wasSeen(
  key: Key,
  engine: RestoreEngine,
  { name }: RestorePolicy,
  { from }: WalkPlaces,
  signal: AbortSignal,
): Promise<boolean> {
  const known = await told(engine, async (catalog) => {
    if ((await catalog.inspect(name, key)) !== undefined) return true;
    return (await catalog.keptOf(name, key)).length > 0;
  });
  if (known === true) return true;
  const seen = await Promise.all(from.map(async ({ provider }) => await stands(provider, key, signal)));
  return seen.includes(true);
}

/** A place that does not answer this may have been heard before: what comes twice is found in place. */
async function stands(provider: Provider, key: Key, signal: AbortSignal): Promise<boolean> {
  try {
    return (await headIfThere(provider, key, signal)) !== undefined;
  } catch (error) {
    if (!(error instanceof ProviderError) || signal.aborted) throw error;
    return false;
  }
}
