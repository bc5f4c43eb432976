import type { Bytes } from './byte-budget.ts';

/**
 * The buffers of one object that travels in parts: as many as memory allows at the moment, at most `most`, used
 * again and again. Only the first is waited for; while one is under way it will come back, so that an object never
 * waits for memory that others hold while they wait for its own.
 */
export class PartBuffers implements Disposable {
  readonly #partSize: number;
  readonly #most: number;
  readonly #budget: Bytes;
  readonly #free: Buffer[] = [];
  /** Gives back each buffer's share of the budget. */
  readonly #owned = new Map<ArrayBufferLike, () => void>();
  #returned = Promise.withResolvers<void>();

  constructor(partSize: number, most: number, budget: Bytes) {
    this.#partSize = partSize;
    this.#most = most;
    this.#budget = budget;
  }

  async take(signal: AbortSignal): Promise<Buffer> {
    for (;;) {
      signal.throwIfAborted();
      const buffer = this.tryTake();
      if (buffer !== undefined) return buffer;
      if (this.#owned.size === 0) return this.#own(await this.#budget.reserve(this.#partSize, signal));
      await this.#returned.promise;
    }
  }

  /** @returns undefined where one would have to be waited for. */
  tryTake(): Buffer | undefined {
    return this.#free.pop() ?? this.#tryMore();
  }

  /** Resolves when the next one is given back. */
  get nextReturn(): Promise<void> {
    return this.#returned.promise;
  }

  /**
   * `clean`: nobody can be reading it any more. One that a request given up on may still send is not used again: what such
   * a request writes late is then what it was given. Else it would be other bytes, and not every provider would refuse
   * them: S3 and Azure check each part and GCS the whole (with checksums that were probed), but a file takes anything, and
   * so does an Azure-compatible server that attests nothing; wrong bytes would be visible until the copy is read back.
   * So an attempt at a part must have ended before another one may succeed: `providers/patient.ts`, `LeftRunning`.
   *
   * Its share of the budget goes back all the same, or a disk that hangs would take the memory of everybody's copies. How
   * many such buffers there can be is bounded by the breaker, which asks nothing of a provider that keeps failing.
   */
  give(bytes: Buffer, clean: boolean): void {
    if (clean) this.#free.push(Buffer.from(bytes.buffer));
    else {
      this.#owned.get(bytes.buffer)?.();
      this.#owned.delete(bytes.buffer);
    }
    this.#returned.resolve();
    this.#returned = Promise.withResolvers();
  }

  /** Gives back to the budget what nobody needs any more, once everything was read. */
  trim(): void {
    for (const bytes of this.#free.splice(0)) this.give(bytes, false);
  }

  [Symbol.dispose](): void {
    for (const giveBack of this.#owned.values()) giveBack();
    this.#owned.clear();
    this.#free.length = 0;
  }

  #tryMore(): Buffer | undefined {
    if (this.#owned.size >= this.#most) return undefined;
    const giveBack = this.#budget.tryReserve(this.#partSize);
    return giveBack === undefined ? undefined : this.#own(giveBack);
  }

  #own(giveBack: () => void): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.#partSize);
    this.#owned.set(bytes.buffer, giveBack);
    return bytes;
  }
}
