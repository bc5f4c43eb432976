import type { ScrubSettings } from './policy.ts';
import { shareOfTime } from './scrub-pace.ts';

const dayMs = 86_400_000;

/** What a scrub promises, and whether it can be kept. Rates in bytes per second. */
export interface ScrubPromise {
  readonly everySeconds: number;
  readonly neededBytesPerSecond: number;
  /** Null: no budget limits it. */
  readonly allowedBytesPerSecond: number | null;
  readonly kept: boolean;
}

/** @param bytes all that has to be read within `every`: the verified copies' bytes */
export function promiseOf({ every, bandwidth, perDay }: ScrubSettings, bytes: number): ScrubPromise {
  const needed = bytes / ((every * shareOfTime) / 1000);
  const limits = [bandwidth ?? Infinity, perDay === undefined ? Infinity : perDay / (dayMs / 1000)];
  const allowed = Math.min(...limits);
  return {
    everySeconds: every / 1000,
    neededBytesPerSecond: needed,
    allowedBytesPerSecond: allowed === Infinity ? null : allowed,
    kept: needed <= allowed,
  };
}
