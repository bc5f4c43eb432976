/**
 * One attempt that several wait for. It goes on for as long as anybody waits: who stops waiting stops nobody else, and
 * the last one stops it and sees it end.
 */
export class SharedAttempt<T> {
  readonly #stop = new AbortController();
  readonly #result: Promise<T>;
  #waiting = 0;

  constructor(run: (signal: AbortSignal) => Promise<T>) {
    this.#result = run(this.#stop.signal);
  }

  /** Whether it was told to stop because nobody waited any more: who comes now needs another one. */
  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** @throws `left` when the signal aborts while others go on waiting. */
  async wait(signal: AbortSignal, left: () => Error): Promise<T> {
    const { promise: leaving, reject } = Promise.withResolvers<never>();
    const leave = (): void => {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#stop.abort(signal.reason);
      else reject(left());
    };
    this.#waiting += 1;
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([this.#result, leaving]);
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }
}
