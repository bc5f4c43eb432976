import { extname } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';
import { threadLimits } from '../memory-watch.ts';
import type { Reached } from '../providers/once-reached.ts';
import type { LimitedConfig, Share } from '../shares.ts';
import { errorOf, failureOf } from './failure.ts';
import type { Beginning, Order, Word } from './messages.ts';

export type News = Extract<Word, { readonly kind: 'news' }>;

export interface ThreadHandleOptions {
  readonly onNews: (news: News) => void;
  /** Told of what ended its work, or itself, though nobody had asked for that; not of why it could not begin. */
  readonly onFailure: (error: Error) => void;
  /** How long it may take to give up, or to close, before it is ended from outside; in milliseconds. */
  readonly patience: number;
}

/** A worker thread as the main one sees it. */
export class ThreadHandle {
  readonly number: number;
  /** Resolves when the thread is gone. @throws what ended it, when it was not asked to end. */
  readonly gone: Promise<void>;
  readonly #thread: Thread;
  readonly #options: ThreadHandleOptions;
  readonly #exit = Promise.withResolvers<void>();
  readonly #hello = Promise.withResolvers<void>();
  /** Nobody waits for it any more: a call to a disk that hangs keeps even one that was ended from leaving. */
  readonly #lost = Promise.withResolvers<void>();
  #hasBegun = false;
  #closing = false;
  /** By what it is about to end. */
  #crash: Error | undefined;
  #ended: PromiseWithResolvers<void> | undefined;
  /** How often a share was dealt to it that it has not come down to yet. */
  #settling = 0;
  /** Undefined while it is being begun. */
  #idleSince: number | undefined;
  #patienceOver: NodeJS.Timeout | undefined;

  /** @throws when no thread can be had. */
  constructor(beginning: Beginning, options: ThreadHandleOptions) {
    this.number = beginning.number;
    this.#options = options;
    const file = new URL(`./thread${extname(import.meta.filename)}`, import.meta.url);
    this.#thread = new Thread(file, {
      workerData: beginning,
      resourceLimits: threadLimits,
      name: `worker ${this.number}`,
    });
    this.gone = this.#exit.promise;
    this.gone.catch(() => undefined);
    this.#thread.on('message', (word: Word) => this.#hear(word));
    this.#thread.on('error', (error: unknown) => void (this.#crash ??= errorOf(failureOf(error))));
    this.#thread.once('exit', (code) => this.#leave(code));
  }

  /** Resolves when it has begun, or is gone because it was ended. @throws why it could not begin. */
  get begun(): Promise<void> {
    return Promise.race([this.#hello.promise, this.gone]);
  }

  /** For how long it has had nothing to do, in milliseconds. */
  get idleFor(): number {
    return this.#idleSince === undefined ? 0 : performance.now() - this.#idleSince;
  }

  /**
   * Has it work until it is stopped.
   * @throws what ended its work, when it was not asked to end.
   */
  async work(order: Omit<Extract<Order, { readonly kind: 'work' }>, 'kind'>): Promise<void> {
    const ended = Promise.withResolvers<void>();
    this.#ended = ended;
    if (this.#idleSince !== undefined) this.#idleSince = performance.now();
    this.#order({ kind: 'work', ...order });
    try {
      await Promise.race([ended.promise, this.gone, this.#lost.promise]);
    } finally {
      this.#ended = undefined;
      clearTimeout(this.#patienceOver);
    }
  }

  setDueBefore(dueBefore: number | undefined): void {
    this.#order({ kind: 'due-before', dueBefore });
  }

  setReached(reached: Reached): void {
    this.#order({ kind: 'reached', reached });
  }

  deal(limits: LimitedConfig, share: Share): void {
    this.#settling += 1;
    this.#order({ kind: 'limits', limits, share });
  }

  /** Whether it has no more under way than its share of the limits allows. One that is not at work has none. */
  get isSettled(): boolean {
    return this.#ended === undefined || this.#settling === 0;
  }

  /** It begins nothing new; `work` resolves when what it has begun has ended. */
  stop(): void {
    this.#order({ kind: 'stop' });
  }

  /** It gives up what it has begun, and `work` resolves soon. */
  abort(): void {
    this.#order({ kind: 'abort' });
    if (this.#ended !== undefined) this.#awaitItsEnd();
  }

  /** Ends the thread, which gives up what it may have begun. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#order({ kind: 'close' });
    this.#awaitItsEnd();
    await Promise.race([this.gone, this.#lost.promise]).catch(() => undefined);
    clearTimeout(this.#patienceOver);
  }

  /** Ends the thread wherever it is, as a crash of the process would. */
  terminate(): void {
    this.#closing = true;
    this.#thread.terminate().catch(() => undefined);
  }

  #awaitItsEnd(): void {
    const { onFailure, patience } = this.#options;
    clearTimeout(this.#patienceOver);
    this.#patienceOver = setTimeout(() => {
      onFailure(new Error(`it was to end, did not within ${patience / 1000} s, and was ended where it was`));
      this.terminate();
      this.#lost.resolve();
    }, patience);
  }

  #order(order: Order): void {
    this.#thread.postMessage(order);
  }

  #hear(word: Word): void {
    if (word.kind === 'news') {
      if (word.pending > 0 || this.#idleSince === undefined) this.#idleSince = performance.now();
      this.#hasBegun = true;
      this.#hello.resolve();
      this.#options.onNews(word);
    } else if (word.kind === 'dealt') {
      this.#settling -= word.times;
    } else if (word.failure === undefined) this.#ended?.resolve();
    else {
      const error = errorOf(word.failure);
      this.#options.onFailure(error);
      this.#ended?.reject(error);
    }
  }

  #leave(code: number): void {
    clearTimeout(this.#patienceOver);
    if (!this.#closing) this.#crash ??= new Error(`it ended by itself (exit code ${code})`);
    if (this.#crash === undefined) return this.#exit.resolve();
    this.#exit.reject(this.#crash);
    if (this.#hasBegun) this.#options.onFailure(this.#crash);
  }
}
