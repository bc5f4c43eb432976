import type { Config } from '../config/schema.ts';
import { toTransfer } from '../config/transfer.ts';
import type { LiveLimits } from '../live-limits.ts';
import { systemClock } from '../objects/clock.ts';
import { errorMessage } from '../objects/errors.ts';
import { Leash } from '../objects/leash.ts';
import { SharedBytes } from '../replication/byte-pool.ts';
import type { Assisted, Crew } from '../replication/worker.ts';
import { limitsOf, workersFor } from '../shares.ts';
import type { Log } from '../telemetry/log.ts';
import type { MetricEvents } from '../telemetry/metrics.ts';
import { Assistance } from './assistance.ts';
import { countedIn } from './counted-in.ts';
import { failureOf, isOfCatalog } from './failure.ts';
import type { Beginning } from './messages.ts';
import { usualPace, type Pace } from './pace.ts';
import { replay } from './relayed-metrics.ts';
import { ThreadHandle } from './thread-handle.ts';

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
  readonly beginning: Pick<Beginning, 'lacking' | 'log' | 'most' | 'outlasts'>;
  readonly pace?: Pace;
}

/**
 * Worker threads that join the worker of the main one while that is busy all the time and work is left, and go when
 * there is none. The limits that are not counted for all of them together are dealt out again whenever one comes or goes.
 */
export class WorkerPool implements Crew, AsyncDisposable {
  /** What counts the bytes in flight of all threads. */
  readonly bytes = SharedBytes.sharedMemory();
  /** The same of those for each target while it is behind. */
  readonly #parts: ReadonlyMap<string, SharedArrayBuffer>;
  readonly #options: PoolOptions;
  readonly #watching: Disposable;
  readonly #pace: Pace;
  #threads: readonly ThreadHandle[] = [];
  #assistance: Assistance | undefined;
  /** When another may be tried. */
  #notBefore = -Infinity;

  constructor(options: PoolOptions) {
    this.#options = options;
    const names = [...Object.keys(options.config.providers), ...options.beginning.lacking.keys()];
    this.#parts = new Map(names.map((name) => [name, SharedBytes.sharedMemory()]));
    this.#pace = options.pace ?? usualPace();
    this.#watching = options.limits.watch(() => this.#deal());
  }

  /** How many threads work, the main one among them. */
  get size(): number {
    return this.#threads.length + 1;
  }

  /** Where the main thread counts them: all, or those for one target that is behind. */
  bytesOf(total: number, target?: string): SharedBytes {
    return countedIn({ bytes: this.bytes, parts: this.#parts, number: 0 }, total, target);
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
      if (abort.aborted) giveUp();
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
  }

  async #lookAfter(assistance: Assistance, over: AbortSignal): Promise<void> {
    const { lookEvery, utilization } = this.#pace;
    let looks = 0;
    let changing: Promise<void> | undefined;
    utilization();
    while (!over.aborted) {
      await systemClock.sleep(lookEvery, over).catch(() => undefined);
      looks = utilization() > busy && this.#isFull(assistance) ? looks + 1 : 0;
      assistance.tellDueBefore();
      assistance.tellReached();
      if (over.aborted || changing !== undefined) continue;
      // Beside the looks: what is under way ends first, and that may take long.
      changing = this.#change(assistance, looks >= looksBefore, over)
        ?.catch((error: unknown) => assistance.fail(error))
        .finally(() => {
          looks = 0;
          changing = undefined;
        });
    }
    await changing;
  }

  #isFull({ worker }: Assistance): boolean {
    return worker.pending >= this.#options.limits.concurrency.value;
  }

  /** One thread more, or some fewer, where that is due. */
  #change(assistance: Assistance, wanted: boolean, over: AbortSignal): Promise<void> | undefined {
    const most = this.#most;
    const tooMany = this.#threads.slice(most - 1);
    if (tooMany.length > 0) return this.#dismiss(assistance, tooMany, 'the limits allow for fewer');
    const idle = this.#threads.filter(({ idleFor }) => idleFor > this.#pace.idleAtMost);
    if (idle.length > 0) return this.#dismiss(assistance, idle, 'it had nothing to do');
    const more = wanted && this.size < most && performance.now() >= this.#notBefore;
    return more ? this.#employ(assistance, over) : undefined;
  }

  get #most(): number {
    const { limits, beginning } = this.#options;
    return workersFor(limits.config, beginning.most);
  }

  /** One that cannot join is done without, unless the reason is one for all. */
  async #employ(assistance: Assistance, over: AbortSignal): Promise<void> {
    using inTime = new Leash(over);
    const { joinWithin } = this.#pace;
    const late = new Error(`it took longer than ${joinWithin / 1000} s`);
    const tooLate = setTimeout(() => inTime.abort(late), joinWithin);
    try {
      await this.#join(assistance, inTime.signal, over);
    } catch (error) {
      if (over.aborted) return;
      this.#doWithout('warn', {}, 'no other worker thread can join', error);
      if (isOfCatalog(error)) throw error;
    } finally {
      clearTimeout(tooLate);
    }
  }

  /** @throws why it could not. */
  async #join(assistance: Assistance, inTime: AbortSignal, over: AbortSignal): Promise<void> {
    const thread = await this.#begin(inTime);
    this.#threads = [...this.#threads, thread];
    this.#deal();
    const said = `worker thread ${thread.number} joins: one is busy all the time and work is left`;
    this.#options.log.info({ threads: this.size }, said);
    // Those who had more must come down to their share before it takes its own.
    while (this.#isToJoin(thread) && !inTime.aborted && !this.#isSettled(assistance))
      await systemClock.sleep(settleEvery, inTime).catch(() => undefined);
    // After the work it stays for the next.
    if (over.aborted || !this.#isToJoin(thread)) return;
    if (!inTime.aborted) return assistance.add(thread);
    await this.#dismiss(assistance, [thread], 'the others have more under way than their share');
    inTime.throwIfAborted();
  }

  /** It may have broken, or the limits have become smaller. */
  #isToJoin(thread: ThreadHandle): boolean {
    return this.#threads.includes(thread) && this.size <= this.#most;
  }

  #isSettled({ worker }: Assistance): boolean {
    const { limits } = this.#options;
    if (!limits.isSettled || worker.pending > limits.concurrency.value) return false;
    return this.#threads.every((thread) => thread.isSettled);
  }

  /** @throws why it could not begin; the signal's reason, having ended it. */
  async #begin(signal: AbortSignal): Promise<ThreadHandle> {
    signal.throwIfAborted();
    const thread = this.#create();
    const forget = (): void => this.#forget(thread);
    thread.gone.then(forget, forget);
    const giveUp = (): void => thread.terminate();
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await thread.begun;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
    signal.throwIfAborted();
    return thread;
  }

  #create(): ThreadHandle {
    const taken = new Set(this.#threads.map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number += 1;
    const { beginning, config, metrics } = this.#options;
    const share = { index: this.size, of: this.size + 1 };
    const given = { ...beginning, config: toTransfer(config), bytes: this.bytes, parts: this.#parts, number, share };
    return new ThreadHandle(given, {
      patience: this.#pace.giveUpWithin,
      onNews: ({ metrics: calls, done }) => {
        replay(metrics, calls);
        this.#assistance?.worker.tally.merge(done);
      },
      onFailure: (error) => this.#doWithout('error', { thread: number }, `worker thread ${number} broke`, error),
    });
  }

  #doWithout(level: 'warn' | 'error', fields: object, what: string, error: unknown): void {
    this.#notBefore = performance.now() + this.#pace.againAfter;
    const { code, stack } = failureOf(error);
    this.#options.log[level]({ ...fields, code, stack }, `${what}: ${errorMessage(error)}`);
  }

  /** What it held it can give back no more. Its leases run out. */
  #forget(thread: ThreadHandle): void {
    for (const memory of [this.bytes, ...this.#parts.values()]) SharedBytes.forget(memory, thread.number);
    if (!this.#threads.includes(thread)) return;
    this.#threads = this.#threads.filter((other) => other !== thread);
    this.#deal();
  }

  async #dismiss(assistance: Assistance, threads: readonly ThreadHandle[], why: string): Promise<void> {
    const leave = async (thread: ThreadHandle): Promise<void> => {
      await assistance.remove(thread);
      await thread.close();
      this.#options.log.info({ threads: this.size }, `worker thread ${thread.number} leaves: ${why}`);
    };
    await Promise.all(threads.map(leave));
  }

  #deal(): void {
    const { limits } = this.#options;
    const of = this.size;
    limits.deal({ index: 0, of });
    for (const [index, thread] of this.#threads.entries())
      thread.deal(limitsOf(limits.config), { index: index + 1, of });
  }
}
