/** So many at once; whoever finds no room waits, in the order they came. The number may change at any time. */
export class Slots {
  readonly #waiting: (() => void)[] = [];
  #most: number;
  #taken = 0;

  /** @param most undefined: no limit. */
  constructor(most: number | undefined) {
    this.#most = most ?? Infinity;
  }

  /** False after `change` allowed for fewer, until so many have been given back. */
  get isSettled(): boolean {
    return this.#taken <= this.#most;
  }

  change(most: number | undefined): void {
    this.#most = most ?? Infinity;
    this.#serve();
  }

  /** Resolves to what gives the place back; call it once. Rejects with the signal's reason when it aborts first. */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#waiting.length === 0 && this.#taken < this.#most) this.#taken += 1;
    else await this.#wait(signal);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken -= 1;
      this.#serve();
    };
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      const place = this.#waiting.indexOf(resolve);
      // It may have been served already and not have woken up yet.
      if (place === -1) return;
      this.#waiting.splice(place, 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#waiting.push(resolve);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  #serve(): void {
    while (this.#taken < this.#most) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#taken += 1;
      next();
    }
  }
}
