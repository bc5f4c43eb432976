/**
 * Node has one small pool of threads for every call that may block: files, names (DNS), compression, hashing. A call into
 * a disk that hangs keeps its thread for ever, also when whoever asked has given up long ago. So a filesystem takes at
 * most half of the threads that the others leave it, and one always stays free, however many of them hang.
 */
export class Threads {
  readonly #size: number;
  #taken = 0;
  /** Whoever gave a thread back last is served last. */
  readonly #shares = new Set<Share>();

  /** @param size how many threads the pool has. */
  constructor(size: number) {
    // Of a single thread none can be left.
    this.#size = Math.max(2, size);
  }

  share(): Share {
    const share = new Share(this);
    this.#shares.add(share);
    return share;
  }

  /** @returns whether `share` may have one more. */
  take(share: Share): boolean {
    const left = this.#size - (this.#taken - share.taken);
    if (share.taken >= Math.floor(left / 2)) return false;
    this.#taken += 1;
    return true;
  }

  giveBack(share: Share): void {
    this.#taken -= 1;
    this.#shares.delete(share);
    this.#shares.add(share);
    for (const each of this.#shares) each.serve();
  }
}

/** The threads of one filesystem. Who finds none waits here, in the order they came, and keeps none meanwhile. */
export class Share {
  readonly #threads: Threads;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(threads: Threads) {
    this.#threads = threads;
  }

  get taken(): number {
    return this.#taken;
  }

  /**
   * Makes a call that takes one thread at a time; it counts until it has ended. While it waits for its turn, `signal` ends
   * it with the signal's reason.
   */
  async run<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#waiting.length > 0 || !this.#take()) await this.#turn(signal);
    try {
      return await call();
    } finally {
      this.#taken -= 1;
      this.#threads.giveBack(this);
    }
  }

  /** Resolves when a call would begin at once. */
  async ready(signal: AbortSignal): Promise<void> {
    await this.run(async () => undefined, signal);
  }

  /** Lets those begin who may. */
  serve(): void {
    while (this.#waiting.length > 0 && this.#take()) this.#waiting.shift()?.();
  }

  #take(): boolean {
    const may = this.#threads.take(this);
    if (may) this.#taken += 1;
    return may;
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      const place = this.#waiting.indexOf(resolve);
      // It may have been served already and not have woken up yet.
      if (place === -1) return;
      this.#waiting.splice(place, 1);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    this.#waiting.push(resolve);
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }
}
