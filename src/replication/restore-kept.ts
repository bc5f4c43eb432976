import type { KeptVersion } from '../catalog/kept.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import { keptPrefix, withoutKey } from './kept-name.ts';
import { headIfThere } from './prove.ts';
import { candidate, type Choice } from './restore-choices.ts';
import { told, type RestoreEngine } from './restore-plan.ts';
import type { Site } from './site.ts';

/** A version of an object, kept or standing, and the time it was in force as far as that is known. */
export interface Dated {
  readonly choice: Choice;
  /** When the source had it first, in milliseconds since the epoch; null: nothing tells. */
  readonly since: number | null;
  /** By when Holdfast had seen another one in its place; null: nothing tells, or it is the newest. */
  readonly replacedAt: number | null;
}

export interface KeptPlaces {
  readonly sites: readonly Site[];
  readonly engine: RestoreEngine;
  readonly policy: string;
  readonly onUnreached: (provider: string, error: ProviderError) => void;
}

/**
 * What is kept of an object: the copies below `.holdfast/history/` tell themselves what they are; what a provider's own
 * versioning keeps, and when each was replaced, only the catalog knows.
 */
export async function keptOf(key: Key, places: KeptPlaces, signal: AbortSignal): Promise<Dated[]> {
  const { sites, engine, policy, onUnreached } = places;
  const noted = (await told(engine, async (catalog) => await catalog.keptOf(policy, key))) ?? [];
  const found = await Promise.all(
    sites.map(async (site) => {
      try {
        return await keptAt(site, key, signal);
      } catch (error) {
        if (!(error instanceof ProviderError) || signal.aborted) throw error;
        onUnreached(site.name, error);
        return [];
      }
    }),
  );
  return [...noted.flatMap((version) => notedChoice(version, sites) ?? []), ...found.flat()];
}

function notedChoice(kept: KeptVersion, sites: readonly Site[]): Dated | undefined {
  const { key, target, place, size, sha256, attributes, sourceVersion, modifiedAt, replacedAt } = kept;
  const site = sites.find(({ name }) => name === target);
  if (site === undefined || place.version === null) return undefined;
  const at = { provider: site.provider, size, version: place.version };
  const from = place.by === 'provider' ? { ...at, key, versionId: place.id } : { ...at, key: place.key };
  const choice: Choice = {
    ...{ sha256, checksums: { sha256 }, size, attributes, candidates: [from] },
    version: sourceVersion ?? '',
    modifiedAt: modifiedAt ?? replacedAt,
  };
  return { choice, since: modifiedAt, replacedAt };
}

async function keptAt(site: Site, key: Key, signal: AbortSignal): Promise<Dated[]> {
  const kept: Dated[] = [];
  for await (const { entries } of site.provider.list({ prefix: keptPrefix(key) }, signal)) {
    for (const entry of entries) {
      const head = await headIfThere(site.provider, entry.key, signal);
      if (head?.record === undefined || head.record.size !== head.size) continue;
      const { attributes, key: owner, replacedAt = null } = withoutKey(head.attributes);
      if (owner !== key) continue;
      const { sha256, size, checksums, sourceVersion: version, sourceModifiedAt: modifiedAt } = head.record;
      const candidates = [candidate(site, entry.key, head)];
      const choice = { sha256, checksums, size, version, modifiedAt, attributes, candidates };
      kept.push({ choice, since: modifiedAt, replacedAt });
    }
  }
  return kept;
}
