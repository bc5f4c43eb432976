import type { ScrubLoad } from '../catalog/scrub.ts';

/** The share of the promised time within which every copy is to be read: the rest is for outages. */
export const shareOfTime = 0.9;

/** How far the pace may fall behind before what was missed counts as missed and is not caught up by a burst. */
const slackMs = 15 * 60_000;

/**
 * Spreads the reading evenly over the time promised, so that a scrub costs a little all the time and not everything at
 * once. A copy whose evidence is older than the time in which all are read is overdue and not held to the pace.
 */
export class ScrubPace {
  readonly #everyMs: number;
  #load: ScrubLoad = { copies: 0, bytes: 0 };
  /** Until when the reading done so far has used up the time. */
  #paidUntil: number;
  #lastNow: number;

  /** @param everyMs the time promised; `now` and all times in milliseconds since the epoch */
  constructor(everyMs: number, now: number) {
    this.#everyMs = everyMs * shareOfTime;
    this.#paidUntil = now;
    this.#lastNow = now;
  }

  /** What there is to be read in the time promised, all in all. */
  set load(load: ScrubLoad) {
    this.#load = load;
  }

  /** How long a copy with evidence of `at` has to wait from `now`, in milliseconds; 0 when it is its turn. */
  waitFor(at: number, now: number): number {
    if (this.isOverdue(at, now)) return 0;
    this.#follow(now);
    return Math.max(0, this.#paidUntil - now);
  }

  /** Whether evidence of `at` is older than the time in which all are read. */
  isOverdue(at: number, now: number): boolean {
    return now - at >= this.#everyMs;
  }

  /** A copy of `bytes` is read now: it takes its part of the time, by its bytes and by being one of so many. */
  spend(bytes: number, now: number): void {
    const { copies, bytes: all } = this.#load;
    const ofBytes = all > 0 ? bytes / all : 0;
    const share = (ofBytes + 1 / Math.max(1, copies)) / (all > 0 ? 2 : 1);
    this.#follow(now);
    this.#paidUntil = Math.max(this.#paidUntil, now - slackMs) + share * this.#everyMs;
  }

  /** A clock that was set back must not stop the reading until it has caught up. */
  #follow(now: number): void {
    if (now < this.#lastNow) this.#paidUntil -= this.#lastNow - now;
    this.#lastNow = now;
  }
}
