import { setTimeout as delay } from 'node:timers/promises';
import { systemClock, type Clock } from '../../src/objects/clock.ts';

/** No two readings are the same, so that nothing hangs on who was first within a millisecond; waiting is short. */
export class TestClock implements Clock {
  readonly after = systemClock.after;
  #ahead = 0;
  #last = 0;

  now(): number {
    this.#last = Math.max(this.#last + 1, Date.now() + this.#ahead);
    return this.#last;
  }

  advance(ms: number): void {
    this.#ahead += ms;
  }

  /** The clock is set, forward or back. */
  set(ms: number): void {
    this.#ahead += ms;
    this.#last += ms;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await delay(Math.min(ms, 5), undefined, signal === undefined ? {} : { signal });
  }
}
