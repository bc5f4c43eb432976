import { setTimeout as delay } from 'node:timers/promises';

/** Time and chance, injected so that tests and the simulation own them. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` after `ms` (0: once what is due already had its turn), unless what is returned is called before. */
  after(this: void, ms: number, run: () => void): () => void;
}

/** A number in [0, 1). */
export type Random = () => number;

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
  after: (ms, run) => {
    if (ms === 0) {
      const immediate = setImmediate(run);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Calls `run` every `ms` until what is returned is called. */
export function every(clock: Pick<Clock, 'after'>, ms: number, run: () => void): () => void {
  let cancel = clock.after(ms, tick);
  return () => cancel();
  function tick(): void {
    cancel = clock.after(ms, tick);
    run();
  }
}
