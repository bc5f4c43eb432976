import { limitContradictions } from './limit-contradictions.ts';
import type { Pieces } from './pieces.ts';
import { overlap, placeOf, realLocation } from './places.ts';
import type { Place, RealPath } from './places.ts';
import { pairs } from './pairs.ts';
import { policyContradictions } from './policy-contradictions.ts';
import type { Finding } from './problems.ts';
import { formatSize } from './units.ts';

/** What one transfer needs: two parts of 8 MiB, one arriving while the other leaves. */
export const leastMemory = 2 * 8 * 2 ** 20;

/** What each part of the configuration may say, but not together with the others. */
export function contradictions(pieces: Pieces, realPath: RealPath): readonly Finding[] {
  const places = placesOf(pieces, realPath);
  return [
    ...sharedPlaces(places),
    ...catalogInProvider(pieces, places, realPath),
    ...tooLittleMemory(pieces),
    ...limitContradictions(pieces),
    ...policyContradictions(pieces),
  ];
}

function placesOf({ providers }: Pieces, realPath: RealPath): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  for (const [name, settings] of providers) {
    if (settings !== undefined) places.set(name, placeOf(settings, realPath));
  }
  return places;
}

function sharedPlaces(places: ReadonlyMap<string, Place>): readonly Finding[] {
  return pairs([...places]).flatMap(([[first, a], [second, b]]) => {
    if (!overlap(a, b)) return [];
    const relation =
      a.path === b.path ? 'the same place as' : `a place ${a.path.length > b.path.length ? 'around' : 'inside'}`;
    return [
      {
        path: ['providers', second],
        message: `found ${relation} \`providers.${first}\`; expected places that do not overlap, as copies there would overwrite each other`,
      },
    ];
  });
}

function catalogInProvider(
  { catalog }: Pieces,
  places: ReadonlyMap<string, Place>,
  realPath: RealPath,
): readonly Finding[] {
  if (catalog === undefined) return [];
  const file = { root: 'file', path: realLocation(catalog.file, realPath) };
  return [...places]
    .filter(([, place]) => place.root === file.root && file.path.startsWith(place.path))
    .map(([name]) => ({
      path: ['catalog'],
      message: `found a file inside \`providers.${name}\`; expected a file outside of every provider`,
    }));
}

function tooLittleMemory({ limits }: Pieces): readonly Finding[] {
  if (limits === undefined || limits.memory >= leastMemory) return [];
  const message = `found ${formatSize(limits.memory)}; expected at least ${formatSize(leastMemory)}, which one transfer needs`;
  return [{ path: ['limits', 'memory'], message }];
}
