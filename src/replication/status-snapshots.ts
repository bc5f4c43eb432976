import type { SnapshotState } from '../catalog/snapshots.ts';
import type { SnapshotSettings } from './snapshots.ts';

/** The snapshots of the catalog at one target. */
export interface SnapshotStatus {
  readonly target: string;
  /** Age of the newest one that was verified there; null before the first. */
  readonly ageSeconds: number | null;
  /** Where it stands at the target. */
  readonly key: string | null;
  readonly size: number | null;
  /** Why a later one could not be stored, or older ones not be deleted. */
  readonly error: string | null;
}

/** A snapshot that is later than this many intervals says that none is taken any more. */
const overdueAfter = 3;
const graceMs = 5 * 60_000;

export function snapshotStatusOf(
  states: readonly SnapshotState[],
  targets: readonly string[],
  now: number,
): SnapshotStatus[] {
  return states
    .filter(({ target }) => targets.includes(target))
    .map(({ target, stored, error }) => ({
      target,
      ageSeconds: stored === null ? null : Math.max(0, Math.round((now - stored.takenAt) / 1000)),
      key: stored?.key ?? null,
      size: stored?.size ?? null,
      error: error?.message ?? null,
    }));
}

const failing = 'the latest could not be stored; see "holdfast status"';

/**
 * What a person should know of: the catalog is kept in fewer places, or older, than was asked for. Without a provider's
 * own words: anybody may read it.
 */
export function snapshotTroubles(statuses: readonly SnapshotStatus[], { every, keep }: SnapshotSettings): string[] {
  if (keep === 0) return [];
  const patience = overdueAfter * every + graceMs;
  return statuses.flatMap(({ target, ageSeconds, error }) => {
    const why = error === null ? 'none was stored yet' : failing;
    if (ageSeconds === null) return [`no snapshot of the catalog is at ${target}: ${why}`];
    if (ageSeconds * 1000 <= patience) return [];
    const minutes = Math.round(ageSeconds / 60);
    return [
      `the newest snapshot of the catalog at ${target} is ${minutes} minutes old${error === null ? '' : `: ${failing}`}`,
    ];
  });
}
