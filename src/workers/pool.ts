import { performance } from 'node:perf_hooks';
import type { Config } from '../config/schema.ts';
import { toTransfer } from '../config/transfer.ts';
import type { LiveLimits } from '../live-limits.ts';
import { systemClock } from '../objects/clock.ts';
import { Leash } from '../objects/leash.ts';
import { SharedBytes } from '../replication/byte-pool.ts';
import type { Assisted, Crew } from '../replication/worker.ts';
import { limitsOf, mostWorkers } from '../shares.ts';
import type { Log } from '../telemetry/log.ts';
import type { MetricEvents } from '../telemetry/metrics.ts';
import { Assistance } from './assistance.ts';
import type { Beginning } from './messages.ts';
import { replay } from './relayed-metrics.ts';
import { ThreadHandle } from './thread-handle.ts';

/** When threads come and go; times in milliseconds. */
export interface Pace {
  /** How often it is looked whether another thread is needed, or one too many. */
  readonly lookEvery: number;
  /** A thread that had nothing to do for so long is ended. */
  readonly idleAtMost: number;
  /** @returns the share of the time since the last call that the main thread was busy. */
  utilization(this: void): number;
}

/** The share of the time that a thread is busy above which another one helps. */
const busy = 0.8;

/** How often it is looked whether what is under way came down to a share that became smaller, in milliseconds. */
const settleEvery = 50;

/** So many looks in a row. */
const looksBefore = 2;

export interface PoolOptions {
  readonly config: Config;
  readonly limits: LiveLimits;
  readonly metrics: MetricEvents;
  readonly log: Log;
  /** What threads are begun with besides. */
  readonly beginning: Pick<Beginning, 'lacking' | 'log' | 'most'>;
  readonly pace?: Pace;
}

function usualPace(): Pace {
  let before = performance.eventLoopUtilization();
  const utilization = (): number => {
    const now = performance.eventLoopUtilization();
    const since = performance.eventLoopUtilization(now, before);
    before = now;
    return since.utilization;
  };
  return { lookEvery: 500, idleAtMost: 60_000, utilization };
}

/**
 * Worker threads that join the worker of the main one while that is busy all the time and work is left, and go when
 * there is none. The limits that are not counted for all of them together are dealt out again whenever one comes or goes.
 */
export class WorkerPool implements Crew, AsyncDisposable {
  /** What counts the bytes in flight of all threads. */
  readonly bytes = SharedBytes.sharedMemory();
  readonly #options: PoolOptions;
  readonly #watching: Disposable;
  readonly #pace: Pace;
  #threads: readonly ThreadHandle[] = [];
  #assistance: Assistance | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#pace = options.pace ?? usualPace();
    this.#watching = options.limits.watch(() => this.#deal());
  }

  /** How many threads work, the main one among them. */
  get size(): number {
    return this.#threads.length + 1;
  }

  async assist(worker: Assisted, stop: AbortSignal, abort: AbortSignal): Promise<void> {
    if (this.#assistance !== undefined) throw new Error('another worker is assisted already');
    using over = new Leash(stop);
    const assistance = new Assistance(worker, (error) => over.abort(error));
    const giveUp = (): void => assistance.abort();
    abort.addEventListener('abort', giveUp, { once: true });
    this.#assistance = assistance;
    try {
      for (const thread of this.#threads) assistance.add(thread);
      await this.#lookAfter(assistance, over.signal);
    } finally {
      await assistance.end().finally(() => {
        this.#assistance = undefined;
        abort.removeEventListener('abort', giveUp);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watching[Symbol.dispose]();
    await Promise.all(this.#threads.map(async (thread) => await thread.close()));
    this.#threads = [];
  }

  async #lookAfter(assistance: Assistance, over: AbortSignal): Promise<void> {
    const { lookEvery, utilization } = this.#pace;
    let looks = 0;
    let changing: Promise<void> | undefined;
    let failure: { readonly error: unknown } | undefined;
    utilization();
    while (!over.aborted && failure === undefined) {
      await systemClock.sleep(lookEvery, over).catch(() => undefined);
      looks = utilization() > busy && this.#isFull(assistance) ? looks + 1 : 0;
      assistance.tellDueBefore();
      if (over.aborted || changing !== undefined) continue;
      // Beside the looks: what is under way ends first, and that may take long.
      changing = this.#change(assistance, looks >= looksBefore, over)
        ?.catch((error: unknown) => void (failure = { error }))
        .finally(() => {
          looks = 0;
          changing = undefined;
        });
    }
    await changing;
    if (failure !== undefined) throw failure.error;
  }

  #isFull({ worker }: Assistance): boolean {
    return worker.pending >= this.#options.limits.concurrency.value;
  }

  /** One thread more or fewer, where that is due. */
  #change(assistance: Assistance, wanted: boolean, over: AbortSignal): Promise<void> | undefined {
    const tooMany = this.size > this.#most ? this.#threads.at(-1) : undefined;
    if (tooMany !== undefined) return this.#dismiss(assistance, tooMany, 'the limits allow for fewer');
    const idle = this.#threads.find(({ idleFor }) => idleFor > this.#pace.idleAtMost);
    if (idle !== undefined) return this.#dismiss(assistance, idle, 'it had nothing to do');
    return wanted && this.size < this.#most ? this.#employ(assistance, over) : undefined;
  }

  get #most(): number {
    return mostWorkers(this.#options.limits.config);
  }

  async #employ(assistance: Assistance, over: AbortSignal): Promise<void> {
    const thread = this.#begin();
    this.#threads = [...this.#threads, thread];
    this.#deal();
    const said = `worker thread ${thread.number} joins: one is busy all the time and work is left`;
    this.#options.log.info({ threads: this.size }, said);
    // Those who had more must come down to their share before it takes its own.
    while (!over.aborted && !this.#isSettled(assistance))
      await systemClock.sleep(settleEvery, over).catch(() => undefined);
    if (!over.aborted) assistance.add(thread);
  }

  #isSettled({ worker }: Assistance): boolean {
    const { limits } = this.#options;
    if (!limits.isSettled || worker.pending > limits.concurrency.value) return false;
    return this.#threads.every((thread) => thread.isSettled);
  }

  #begin(): ThreadHandle {
    const taken = new Set(this.#threads.map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number += 1;
    const { beginning, config, metrics } = this.#options;
    const share = { index: this.size, of: this.size + 1 };
    const given = { ...beginning, config: toTransfer(config), bytes: this.bytes, number, share };
    return new ThreadHandle(given, ({ metrics: calls, done }) => {
      replay(metrics, calls);
      this.#assistance?.worker.tally.merge(done);
    });
  }

  async #dismiss(assistance: Assistance, thread: ThreadHandle, why: string): Promise<void> {
    await assistance.remove(thread);
    await thread.close();
    this.#threads = this.#threads.filter((other) => other !== thread);
    this.#deal();
    this.#options.log.info({ threads: this.size }, `worker thread ${thread.number} leaves: ${why}`);
  }

  #deal(): void {
    const { limits } = this.#options;
    const of = this.size;
    limits.deal({ index: 0, of });
    for (const [index, thread] of this.#threads.entries())
      thread.deal(limitsOf(limits.config), { index: index + 1, of });
  }
}
