/**
 * Node has one small pool of threads for every call that may block: files, names (DNS), compression, hashing. A call into
 * a disk that hangs keeps its thread for ever, also when whoever asked has given up long ago. So a filesystem takes at
 * most half of the threads that the others leave it, and one always stays free, however many of them hang.
 */
export class Threads {
  readonly #size: number;
  #taken = 0;
  /** Those that somebody waits for. Whoever was served last is served last again. */
  readonly #wanted = new Set<Share>();

  /** @param size how many threads the pool has. */
  constructor(size: number) {
    // Of a single thread none can be left.
    this.#size = Math.max(2, size);
  }

  share(): Share {
    return new Share(this);
  }

  has(share: Share): boolean {
    const left = this.#size - (this.#taken - share.taken);
    return share.taken < Math.floor(left / 2);
  }

  taken(): void {
    this.#taken += 1;
  }

  givenBack(): void {
    this.#taken -= 1;
    if (this.#wanted.size > 0) this.#serve();
  }

  wants(share: Share): void {
    this.#wanted.add(share);
  }

  #serve(): void {
    for (const share of this.#wanted) {
      if (!this.has(share)) continue;
      this.#wanted.delete(share);
      if (share.serve()) this.#wanted.add(share);
    }
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
    if (this.#isFree()) this.#take();
    else await this.#turn(signal);
    try {
      return await call();
    } finally {
      this.#giveBack();
    }
  }

  /** Resolves when a call would begin at once. */
  async ready(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#isFree()) return;
    await this.#turn(signal);
    this.#giveBack();
  }

  /** Lets the first who waits begin. @returns whether others are left. */
  serve(): boolean {
    const first = this.#waiting.shift();
    if (first === undefined) return false;
    this.#take();
    first();
    return this.#waiting.length > 0;
  }

  #isFree(): boolean {
    return this.#waiting.length === 0 && this.#threads.has(this);
  }

  #take(): void {
    this.#taken += 1;
    this.#threads.taken();
  }

  #giveBack(): void {
    this.#taken -= 1;
    this.#threads.givenBack();
  }

  /** Waits for a thread, and takes it. */
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
    this.#threads.wants(this);
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }
}
