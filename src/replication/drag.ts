import type { Clock } from '../objects/clock.ts';
import type { Convoy } from './convoy.ts';

/** So long (ms) must reading on have waited for buffers, and this share of all sending must be waiting for one target. */
const patience = 5_000;
const share = 3 / 4;

/**
 * How much one target holds up the others in an object that travels in parts: a buffer is free again when the last
 * target has sent it. One that gets on, but four times slower than the rest, goes on alone.
 */
export class Drag {
  readonly #clock: Clock;
  readonly #convoy: Convoy | undefined;
  /** Milliseconds that others waited for a target, by target, and that all parts took. */
  readonly #waited = new Map<string, number>();
  #took = 0;
  #readerWaited = 0;

  constructor(clock: Clock, convoy: Convoy | undefined) {
    this.#clock = clock;
    this.#convoy = convoy;
  }

  /** Times what the reader waits for a buffer. */
  async reading<T>(take: () => Promise<T>): Promise<T> {
    const from = this.#clock.now();
    const result = await take();
    this.#readerWaited += this.#clock.now() - from;
    return result;
  }

  /** Follows one part. @returns what to call for each target that has sent it. */
  part(targets: number): (target: string) => void {
    const from = this.#clock.now();
    let left = targets;
    let previous = from;
    return (target) => {
      const now = this.#clock.now();
      left -= 1;
      if (left === 0 && targets > 1) this.#note(target, now - previous, now - from);
      previous = now;
    };
  }

  #note(last: string, waited: number, took: number): void {
    const sum = (this.#waited.get(last) ?? 0) + waited;
    this.#waited.set(last, sum);
    this.#took += took;
    if (this.#readerWaited < patience || sum < patience || sum < share * this.#took) return;
    this.#convoy?.leave(last, 'it takes parts much more slowly than the other targets');
  }
}
