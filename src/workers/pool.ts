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
    utilization();
    while (!over.aborted) {
      await systemClock.sleep(lookEvery, over).catch(() => undefined);
      looks = utilization() > busy && assistance.worker.isFull ? looks + 1 : 0;
      if (over.aborted) return;
      assistance.tellDueBefore();
      await this.#shrink(assistance);
      if (looks < looksBefore || this.size >= this.#most) continue;
      looks = 0;
      this.#grow(assistance);
    }
  }

  get #most(): number {
    return mostWorkers(this.#options.limits.config);
  }

  #grow(assistance: Assistance): void {
    const taken = new Set(this.#threads.map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number += 1;
    const { beginning, config, metrics, log } = this.#options;
    const share = { index: this.size, of: this.size + 1 };
    const given = { ...beginning, config: toTransfer(config), bytes: this.bytes, number, share };
    const thread = new ThreadHandle(given, ({ metrics: calls, done }) => {
      replay(metrics, calls);
      this.#assistance?.worker.tally.merge(done);
    });
    this.#threads = [...this.#threads, thread];
    this.#deal();
    assistance.add(thread);
    log.info({ threads: this.size }, `worker thread ${number} joins: one is busy all the time and work is left`);
  }

  /** At most one at a time: what it has begun ends first. */
  async #shrink(assistance: Assistance): Promise<void> {
    const tooMany = this.size > this.#most ? this.#threads.at(-1) : undefined;
    const thread = tooMany ?? this.#threads.find(({ idleFor }) => idleFor > this.#pace.idleAtMost);
    if (thread === undefined) return;
    await assistance.remove(thread);
    await thread.close();
    this.#threads = this.#threads.filter((other) => other !== thread);
    this.#deal();
    const why = tooMany === undefined ? 'it had nothing to do' : 'the limits allow for fewer';
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
