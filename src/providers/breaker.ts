import type { Clock } from '../objects/clock.ts';
import { isOver } from '../objects/set-back.ts';

export interface BreakerOptions {
  readonly clock: Clock;
  /** Outages in a row after which calls are held back. */
  readonly breakAfter: number;
  /** How long they are held back at first, in milliseconds; doubles up to a minute while trials fail. */
  readonly holdBack: number;
}

/** How a call may be made: like any other, or as the one trial that decides whether others may. */
export type Admission = 'ordinary' | 'trial';

/**
 * What a call told of the provider: `throttled` when it answers nothing but that it is asked too much, as what stands
 * before a dead server does too; `unknown` when the call was aborted before it told anything.
 */
export type Outcome = 'answered' | 'throttled' | 'outage' | 'unknown';

const longestHoldBack = 60_000;
/** An outage counts as much as so many throttled calls: whoever is only busy serves some in between. */
const throttledPerOutage = 5;

/**
 * Stops hammering a provider that is down. Every answer, also a refusal, is a sign of life, but for being throttled
 * again and again. Once the time is over, one call is let through; until it has settled the others are refused at once, for whoever waited for a trial that
 * hangs would hang as well.
 *
 * Not a library's: cockatiel's breaker reads the system's time, lets callers wait for the trial without looking at
 * their signal, and takes an aborted trial for a recovery.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  /** Outages in a row, in throttled calls. */
  #trouble = 0;
  /** How often in a row it opened. */
  #holds = 0;
  /** Milliseconds since the epoch; undefined while calls flow. */
  #heldUntil: number | undefined;
  #onTrial = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /**
   * When the next trial may be made, in milliseconds since the epoch; undefined while calls flow. What a clock that was
   * ahead has put further off than it can be is over.
   */
  get heldUntil(): number | undefined {
    if (this.#heldUntil === undefined) return undefined;
    const now = this.#options.clock.now();
    return isOver(this.#heldUntil, now, longestHoldBack) ? Math.min(now, this.#heldUntil) : this.#heldUntil;
  }

  get isHoldingBack(): boolean {
    const { heldUntil } = this;
    return heldUntil !== undefined && (this.#onTrial || this.#options.clock.now() < heldUntil);
  }

  /** Undefined when the call must not be made now; else `settle` it, whatever happens. */
  admit(): Admission | undefined {
    if (this.#heldUntil === undefined) return 'ordinary';
    if (this.isHoldingBack) return undefined;
    this.#onTrial = true;
    return 'trial';
  }

  settle(admission: Admission, outcome: Outcome): void {
    if (admission === 'trial') this.#onTrial = false;
    if (outcome === 'answered') this.#close(admission);
    else if (outcome === 'outage') this.#count(throttledPerOutage, admission);
    else if (outcome === 'throttled') this.#count(1, admission);
  }

  /** Of calls that began before it opened, the failures tell nothing new. */
  #count(trouble: number, admission: Admission): void {
    if (this.#heldUntil !== undefined) {
      if (admission === 'trial') this.#open();
      return;
    }
    this.#trouble += trouble;
    if (this.#trouble >= this.#options.breakAfter * throttledPerOutage) this.#open();
  }

  #open(): void {
    this.#heldUntil = this.#options.clock.now() + Math.min(longestHoldBack, this.#options.holdBack * 2 ** this.#holds);
    this.#holds += 1;
  }

  /** After a trial that was answered it is on probation: the next outage holds back again, and longer. */
  #close(admission: Admission): void {
    this.#heldUntil = undefined;
    this.#trouble = admission === 'trial' ? this.#options.breakAfter * throttledPerOutage - 1 : 0;
    if (admission !== 'trial') this.#holds = 0;
  }
}
