import type { Candidate } from './read-source.ts';
import type { Choice } from './restore-choices.ts';
import type { Dated } from './restore-kept.ts';
import type { Offer } from './restore-object.ts';

/**
 * Versions that are one: the same bytes under the same name at the source since the same time, wherever they are. Where the
 * name is made of the bytes (an ETag), what comes back bears it again. Records keep whole milliseconds at some providers.
 */
export function merged(versions: readonly Dated[]): Dated[] {
  const same = Map.groupBy(versions, ({ choice: { sha256, size, version }, since }) =>
    JSON.stringify([sha256, size, version, since === null ? null : Math.floor(since)]),
  );
  return [...same.values()].flatMap((group): Dated[] => {
    const [first] = group;
    if (first === undefined) return [];
    const candidates = distinct(group.flatMap(({ choice }) => choice.candidates));
    const replaced = group.flatMap(({ replacedAt }) => replacedAt ?? []);
    const replacedAt = replaced.length === 0 ? null : Math.min(...replaced);
    return [{ ...first, choice: { ...first.choice, candidates }, replacedAt }];
  });
}

function distinct(candidates: readonly Candidate[]): Candidate[] {
  const named = candidates.map(
    (from) => [JSON.stringify([from.provider.name, from.key, from.versionId]), from] as const,
  );
  return [...new Map(named).values()];
}

/**
 * The versions of an object as it was at a time, the best first. The newest of those that the source had by then and that
 * were not seen replaced by then; where all were, what replaced them is not kept any more, and they are only older ones.
 * @returns none for an object that was not there yet.
 */
export function offersAt(versions: readonly Dated[], at: number): Offer[] {
  const there = merged(versions).filter(({ since }) => since === null || since <= at);
  const inForce = there.filter(({ replacedAt }) => replacedAt === null || replacedAt > at);
  const past = there.filter((version) => !inForce.includes(version));
  const offers = [...inForce.toSorted(newestFirst), ...past.toSorted(newestFirst)];
  return offers.map(({ choice }, place) => ({ choice, older: place > 0 || inForce.length === 0 }));
}

function newestFirst(a: Dated, b: Dated): number {
  return (b.since ?? -Infinity) - (a.since ?? -Infinity) || (b.replacedAt ?? Infinity) - (a.replacedAt ?? Infinity);
}

/** What stands at the targets now, as one of the versions. */
export function standing(choice: Choice): Dated {
  return { choice, since: choice.modifiedAt, replacedAt: null };
}
