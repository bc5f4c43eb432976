import { OwnBytes, type BytePool } from './byte-pool.ts';

/** Bytes that may be reserved. */
export interface Bytes {
  /** The most that one request may ask for. */
  readonly total: number;
  reserve(bytes: number, signal: AbortSignal): Promise<() => void>;
  tryReserve(bytes: number): (() => void) | undefined;
}

/**
 * Bytes that may be in flight at once, over all objects (`limits.memory`). Waiters are served in the order they
 * came, so that a large request is not starved by small ones. Whoever holds bytes never waits for more of them
 * to finish what it holds, so that the budget cannot deadlock.
 */
export class ByteBudget implements Bytes {
  readonly #pool: BytePool;
  readonly #waiting: Waiter[] = [];

  /** @param pool where they are taken from; a number: so many bytes, of nobody else. */
  constructor(pool: BytePool | number) {
    this.#pool = typeof pool === 'number' ? new OwnBytes(pool) : pool;
  }

  get total(): number {
    return this.#pool.total;
  }

  /** Bytes held now. */
  get used(): number {
    return this.#pool.total - this.#pool.free;
  }

  /**
   * Resolves when `bytes` are reserved; call the result once to give them back.
   * @throws RangeError when more is asked than the budget has at all; the signal's reason when it aborts first.
   */
  async reserve(bytes: number, signal: AbortSignal): Promise<() => void> {
    if (bytes > this.total) throw new RangeError(`${bytes} bytes exceed the memory limit of ${this.total}`);
    signal.throwIfAborted();
    if (this.#waiting.length > 0 || !this.#pool.take(bytes)) await this.#wait(bytes, signal);
    return this.#giveBack(bytes);
  }

  /** Reserves without waiting, and never before somebody who waits. @returns undefined when that cannot be. */
  tryReserve(bytes: number): (() => void) | undefined {
    if (this.#waiting.length > 0 || !this.#pool.take(bytes)) return undefined;
    return this.#giveBack(bytes);
  }

  #giveBack(bytes: number): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#pool.give(bytes);
      this.#serve();
    };
  }

  async #wait(bytes: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { bytes, resolve };
    const abort = (): void => {
      const place = this.#waiting.indexOf(waiter);
      // It may have been served already and not have woken up yet.
      if (place === -1) return;
      this.#waiting.splice(place, 1);
      reject(signal.reason as Error);
      this.#serve();
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#waiting.push(waiter);
    this.#pool.await(() => this.#serve());
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#pool.take(next.bytes)) return this.#pool.await(() => this.#serve());
      this.#waiting.shift();
      next.resolve();
    }
    this.#pool.leave();
  }
}

interface Waiter {
  readonly bytes: number;
  readonly resolve: () => void;
}
