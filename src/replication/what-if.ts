import type { Catalog } from '../catalog/catalog.ts';
import type { CopyPace, Loss } from '../catalog/losses.ts';
import type { Policy } from './policy.ts';

/**
 * What losing providers now would mean for a policy. Field names are the outside's. Ages are whole seconds, rounded to the worse
 * side, so that nothing that would be lost looks safe: how far back the loss reaches up, how close to now it comes down.
 */
export interface WhatIf {
  readonly policy: string;
  /** Those of the lost providers that are its source or targets. */
  readonly lose: readonly string[];
  /** Age of the newest pass that saw the source whole: what came since may not be counted. Null: there was none. */
  readonly asOfSeconds: number | null;
  /** Objects of which some content would be unrecoverable, and that content's bytes (see `catalog/losses.ts`). */
  readonly lost: number;
  readonly lostBytes: number;
  /** Age of the newest of that content, by its modification time at the source; null when nothing would be lost. */
  readonly newestLossSeconds: number | null;
  /** Age of the oldest: everything that was last modified before would still be there. */
  readonly oldestLossSeconds: number | null;
  /** Objects that would still be there, by the number of verified copies left; `0`: at the source only. */
  readonly left: Readonly<Record<number, number>>;
  /** Objects that would still be there with fewer than `minCopies` verified copies. */
  readonly belowMinCopies: number;
  /** The copies that these would lack, at the other targets or at new ones in the lost ones' place, and their bytes. */
  readonly restoreCopies: number;
  readonly restoreBytes: number;
  /** An estimate, by `restoreBasis`; null where nothing is known. */
  readonly restoreSeconds: number | null;
  readonly restoreBasis: RestoreBasis | null;
}

/** How fast copies were made in the busiest ten minutes or less of the past 30 days. */
export interface RestoreBasis {
  readonly bytesPerSecond: number;
  readonly copiesPerSecond: number;
  /** When that was measured, in milliseconds since the epoch. */
  readonly measuredAt: number;
}

export async function whatIf(catalog: Catalog, policy: Policy, lost: readonly string[], now: number): Promise<WhatIf> {
  const lose = [policy.source, ...policy.targets].map((site) => site.name).filter((name) => lost.includes(name));
  const loss = await catalog.lossOf(policy.name, lose);
  const { lastCompletePassAt } = await catalog.readPolicy(policy.name);
  const basis = basisOf(await catalog.copyPace(policy.name));
  return {
    policy: policy.name,
    lose,
    asOfSeconds: ageOf(lastCompletePassAt, now),
    lost: loss.objects,
    lostBytes: loss.bytes,
    newestLossSeconds: ageOf(loss.newestAt, now, Math.floor),
    oldestLossSeconds: ageOf(loss.oldestAt, now),
    left: loss.left,
    belowMinCopies: loss.belowMinCopies,
    restoreCopies: loss.lacking.copies,
    restoreBytes: loss.lacking.bytes,
    restoreSeconds: estimate(loss.lacking, basis),
    restoreBasis: basis,
  };
}

/** What a clock ahead of ours dated is new. */
function ageOf(at: number | null, now: number, round = Math.ceil): number | null {
  return at === null ? null : Math.max(0, round((now - at) / 1000));
}

function basisOf(pace: CopyPace | null): RestoreBasis | null {
  if (pace === null) return null;
  const { copies, bytes, ms, at } = pace;
  return { bytesPerSecond: bytes / (ms / 1000), copiesPerSecond: copies / (ms / 1000), measuredAt: at };
}

/** Small objects cost their number, large ones their bytes. */
function estimate({ copies, bytes }: Loss['lacking'], basis: RestoreBasis | null): number | null {
  if (copies === 0) return 0;
  if (basis === null) return null;
  return Math.ceil(Math.max(copies / basis.copiesPerSecond, bytes / Math.max(1, basis.bytesPerSecond)));
}
