import { systemClock, type Clock } from '../../../src/objects/clock.ts';

/** A clock that moves when the test says so. */
export class ManualClock implements Clock {
  readonly after = systemClock.after;
  #now = 1_700_000_000_000;

  now(): number {
    return this.#now;
  }

  /** @returns the new time. */
  advance(ms: number): number {
    this.#now += ms;
    return this.#now;
  }

  sleep(ms: number): Promise<void> {
    this.advance(ms);
    return Promise.resolve();
  }
}
