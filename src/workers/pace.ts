import { performance } from 'node:perf_hooks';

/** When threads come and go; times in milliseconds. */
export interface Pace {
  /** How often it is looked whether another thread is needed, or one too many. */
  readonly lookEvery: number;
  /** A thread that had nothing to do for so long is ended. */
  readonly idleAtMost: number;
  /** How long one may take to begin, and the others then to come down to their share. */
  readonly joinWithin: number;
  /** How long none is tried after one that could not join, or broke. */
  readonly againAfter: number;
  /** How long one may take to give up what it has begun. */
  readonly giveUpWithin: number;
  /** @returns the share of the time since the last call that the main thread was busy. */
  utilization(this: void): number;
}

export function usualPace(): Pace {
  let before = performance.eventLoopUtilization();
  const utilization = (): number => {
    const now = performance.eventLoopUtilization();
    const since = performance.eventLoopUtilization(now, before);
    before = now;
    return since.utilization;
  };
  return {
    lookEvery: 500,
    idleAtMost: 60_000,
    joinWithin: 120_000,
    againAfter: 300_000,
    giveUpWithin: 30_000,
    utilization,
  };
}
