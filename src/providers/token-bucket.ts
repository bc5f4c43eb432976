import type { Clock } from '../objects/clock.ts';

interface Waiter {
  readonly amount: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * So much per second, on average: whoever takes more than is there has it at once, and whoever comes after waits until
 * the debt is paid, in the order they came. The rate may change at any time, also for those who wait.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #waiting: Waiter[] = [];
  #rate: number;
  /** What was taken and not paid for, at the time of the latest look. */
  #owed = 0;
  #lookedAt = 0;
  /** Aborted to have the debt looked at anew. */
  #resting: AbortController | undefined;
  #serving = false;

  /** @param rate per second; undefined: no limit. */
  constructor(rate: number | undefined, clock: Clock) {
    this.#rate = rate ?? Infinity;
    this.#clock = clock;
  }

  change(rate: number | undefined): void {
    this.#pay();
    this.#rate = rate ?? Infinity;
    this.#resting?.abort();
  }

  /** Rejects with the signal's reason when it aborts first; nothing is taken then. */
  async take(amount: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#pay();
    if (this.#waiting.length === 0 && this.#owed === 0) this.#owed = amount;
    else await this.#wait(amount, signal);
  }

  async #wait(amount: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { amount, resolve, reject };
    const leave = (): void => {
      const place = this.#waiting.indexOf(waiter);
      if (place === -1) return;
      this.#waiting.splice(place, 1);
      reject(signal.reason);
      if (this.#waiting.length === 0) this.#resting?.abort();
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#waiting.push(waiter);
    const served = this.#serve();
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', leave);
      if (this.#waiting.length === 0) await served;
    }
  }

  /** One at a time: rests until the debt is paid, lets the next one take, and so on. */
  async #serve(): Promise<void> {
    if (this.#serving) return;
    this.#serving = true;
    try {
      while (this.#waiting.length > 0) {
        await this.#rest();
        if (this.#owed > 0) continue;
        const next = this.#waiting.shift();
        this.#owed += next?.amount ?? 0;
        next?.resolve();
      }
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    } finally {
      this.#serving = false;
    }
  }

  async #rest(): Promise<void> {
    this.#pay();
    if (this.#owed === 0) return;
    const resting = new AbortController();
    this.#resting = resting;
    try {
      await this.#clock.sleep((this.#owed / this.#rate) * 1_000, resting.signal);
      this.#owed = 0;
      this.#lookedAt = this.#clock.now();
    } catch (error) {
      if (!resting.signal.aborted) throw error;
      this.#pay();
    } finally {
      this.#resting = undefined;
    }
  }

  #pay(): void {
    const now = this.#clock.now();
    const elapsed = Math.max(0, now - this.#lookedAt);
    this.#lookedAt = now;
    this.#owed = this.#rate === Infinity ? 0 : Math.max(0, this.#owed - (elapsed * this.#rate) / 1_000);
  }
}
