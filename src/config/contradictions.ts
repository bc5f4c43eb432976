import type { Pieces } from './pieces.ts';
import { overlap, placeOf, realLocation } from './places.ts';
import type { Place, RealPath } from './places.ts';
import type { Policy } from './policy-schema.ts';
import { quote } from './problems.ts';
import type { Finding } from './problems.ts';
import { didYouMean } from './suggest.ts';
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
    ...pieces.policies.flatMap((policy, index) => (policy === undefined ? [] : inPolicy(policy, index, pieces))),
    ...betweenPolicies(pieces.policies),
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

function inPolicy(policy: Policy, index: number, { providers }: Pieces): readonly Finding[] {
  const at = ['policies', index] as const;
  const findings: Finding[] = [];
  const mustExist = (name: string, path: Finding['path']) => {
    if (providers.has(name)) return;
    const known = [...providers.keys()];
    const expected = known.length === 0 ? 'a provider, and none is there' : `one of ${known.join(', ')}`;
    const message = `found ${quote(name)}, which is no provider in this file; expected ${expected}${didYouMean(name, known)}`;
    findings.push({ path, message });
  };
  mustExist(policy.source, [...at, 'source']);
  for (const [position, target] of policy.targets.entries()) {
    const path = [...at, 'targets', position];
    if (target === policy.source) {
      findings.push({ path, message: `found \`${target}\`, which is the source; expected another provider` });
    } else if (policy.targets.indexOf(target) < position) {
      findings.push({ path, message: `found \`${target}\` a second time; expected each target once` });
    } else mustExist(target, path);
  }
  return [...findings, ...tooManyCopies(policy, index)];
}

function tooManyCopies({ minCopies, targets }: Policy, index: number): readonly Finding[] {
  const distinct = new Set(targets).size;
  if (minCopies <= distinct) return [];
  const message = `found ${minCopies}; expected at most ${distinct}, the number of targets`;
  return [{ path: ['policies', index, 'minCopies'], message }];
}

function betweenPolicies(policies: readonly (Policy | undefined)[]): readonly Finding[] {
  const present = [...policies.entries()].flatMap(([index, policy]) =>
    policy === undefined ? [] : [{ index, policy }],
  );
  return pairs(present).flatMap(([first, second]) => {
    const at = ['policies', second.index] as const;
    const other = `\`policies[${first.index}]\``;
    const findings: Finding[] = [];
    if (first.policy.name === second.policy.name) {
      findings.push({ path: [...at, 'name'], message: `found the name of ${other} again; expected each name once` });
    }
    if (!prefixesOverlap(first.policy, second.policy)) return findings;
    return [
      ...findings,
      ...sharedTargets(first.policy, second.policy, other, at),
      ...mutualCopies(first.policy, second.policy, other, at),
    ];
  });
}

/** Include and exclude globs are not looked at: whether two of them ever meet cannot be told from the globs alone. */
function prefixesOverlap(a: Policy, b: Policy): boolean {
  const [first, second] = [a.prefix ?? '', b.prefix ?? ''];
  return first.startsWith(second) || second.startsWith(first);
}

function sharedTargets(a: Policy, b: Policy, other: string, at: Finding['path']): readonly Finding[] {
  return [...b.targets.entries()]
    .filter(([, target]) => a.targets.includes(target))
    .map(([position, target]) => ({
      path: [...at, 'targets', position],
      message: `found \`${target}\`, where ${other} writes the same keys; expected prefixes that do not overlap, or another target`,
    }));
}

function mutualCopies(a: Policy, b: Policy, other: string, at: Finding['path']): readonly Finding[] {
  if (!a.targets.includes(b.source) || !b.targets.includes(a.source)) return [];
  return [{ path: at, message: `found copies back into the source of ${other}; expected one direction` }];
}

function pairs<T>(items: readonly T[]): readonly (readonly [T, T])[] {
  return items.flatMap((first, index) => items.slice(index + 1).map((second) => [first, second] as const));
}
