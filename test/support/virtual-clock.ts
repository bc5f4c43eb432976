import { setImmediate as turn } from 'node:timers/promises';
import { systemClock, type Clock } from '../../src/objects/clock.ts';

interface Sleeper {
  /** By the time that has passed, which no setting of the clock changes. */
  readonly at: number;
  readonly wake: () => void;
}

/**
 * Time that passes only when nobody has anything else to do: months go by in seconds, and in the same order every time.
 * Work that waits for the real world (a commit, a file) is told with `during`, and time stands still meanwhile.
 */
export class VirtualClock implements Clock {
  readonly #start: number;
  /** Milliseconds that have passed. */
  #passed = 0;
  /** By how much somebody set the clock. */
  #set = 0;
  #busy = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#start = now;
  }

  now(): number {
    return this.#start + this.#passed + this.#set;
  }

  readonly after = (ms: number, run: () => void): (() => void) =>
    ms === 0 ? systemClock.after(0, run) : this.#wakeAfter(ms, run);

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const aborted = (): void => {
        cancel();
        reject(signal?.reason as Error);
      };
      const cancel = this.#wakeAfter(ms, () => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      });
      signal?.addEventListener('abort', aborted);
    });
  }

  /** Time stands still until this is done. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
    }
  }

  /** The same object, and time stands still while any of its methods is under way. */
  holding<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (_, name): unknown => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          const result: unknown = Reflect.apply(value, target, args);
          return result instanceof Promise ? this.during(async () => (await result) as unknown) : result;
        };
      },
    });
  }

  /** Somebody sets the clock, forward or back: no time passes. */
  jump(ms: number): void {
    this.#set += ms;
  }

  /** Lets so many milliseconds pass. */
  async run(ms: number): Promise<void> {
    const end = this.#passed + ms;
    while (this.#passed < end) {
      await this.#quiet();
      const next = [...this.#sleepers].reduce<Sleeper | undefined>(
        (first, sleeper) => (first === undefined || sleeper.at < first.at ? sleeper : first),
        undefined,
      );
      this.#passed = Math.max(this.#passed, Math.min(end, next?.at ?? end));
      if (next !== undefined && next.at <= this.#passed) next.wake();
    }
    await this.#quiet();
  }

  /** Lets time pass, a second at a time, until the work is done. */
  async until<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const end = (): void => void (done = true);
    work.then(end, end);
    while (!done) await this.run(1_000);
    return await work;
  }

  #wakeAfter(ms: number, run: () => void): () => void {
    const sleeper: Sleeper = {
      at: this.#passed + Math.max(0, ms),
      wake: () => {
        this.#sleepers.delete(sleeper);
        run();
      },
    };
    this.#sleepers.add(sleeper);
    return () => void this.#sleepers.delete(sleeper);
  }

  /** Everything that could go on without time passing has. */
  async #quiet(): Promise<void> {
    for (let calm = 0; calm < 4; calm += 1) {
      await turn();
      if (this.#busy > 0) calm = 0;
    }
  }
}
