import { extname } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';
import { threadLimits } from '../memory-watch.ts';
import type { LimitedConfig, Share } from '../shares.ts';
import type { Beginning, Order, Word } from './messages.ts';

export type News = Extract<Word, { readonly kind: 'news' }>;

/** A worker thread as the main one sees it. */
export class ThreadHandle {
  readonly number: number;
  readonly #thread: Thread;
  readonly #onNews: (news: News) => void;
  readonly #gone = Promise.withResolvers<never>();
  #closing = false;
  #ended: PromiseWithResolvers<void> | undefined;
  /** How often a share was dealt to it that it has not come down to yet. */
  #settling = 0;
  /** Undefined while it is being begun. */
  #idleSince: number | undefined;

  constructor(beginning: Beginning, onNews: (news: News) => void) {
    this.number = beginning.number;
    this.#onNews = onNews;
    const file = new URL(`./thread${extname(import.meta.filename)}`, import.meta.url);
    this.#thread = new Thread(file, {
      workerData: beginning,
      resourceLimits: threadLimits,
      name: `worker ${this.number}`,
    });
    this.#gone.promise.catch(() => undefined);
    this.#thread.on('message', (word: Word) => this.#hear(word));
    this.#thread.on('error', (error: unknown) => this.#gone.reject(error));
    this.#thread.on('exit', (code) => {
      if (!this.#closing)
        this.#gone.reject(new Error(`worker thread ${this.number} ended by itself (exit code ${code})`));
    });
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
    await Promise.race([ended.promise, this.#gone.promise]);
  }

  setDueBefore(dueBefore: number | undefined): void {
    this.#order({ kind: 'due-before', dueBefore });
  }

  deal(limits: LimitedConfig, share: Share): void {
    this.#settling += 1;
    this.#order({ kind: 'limits', limits, share });
  }

  /** Whether it has no more under way than its share of the limits allows. One that has not begun to work has none. */
  get isSettled(): boolean {
    return this.#ended === undefined || this.#settling === 0;
  }

  /** It begins nothing new; `work` resolves when what it has begun has ended. */
  stop(): void {
    this.#order({ kind: 'stop' });
  }

  /** It gives up what it has begun. */
  abort(): void {
    this.#order({ kind: 'abort' });
  }

  /** Ends the thread, when what it had begun has ended. */
  async close(): Promise<void> {
    this.#closing = true;
    const exit = new Promise((resolve) => this.#thread.once('exit', resolve));
    this.#order({ kind: 'close' });
    await Promise.race([exit, this.#gone.promise.catch(() => undefined)]);
  }

  #order(order: Order): void {
    this.#thread.postMessage(order);
  }

  #hear(word: Word): void {
    if (word.kind === 'news') {
      if (word.pending > 0 || this.#idleSince === undefined) this.#idleSince = performance.now();
      this.#onNews(word);
    } else if (word.kind === 'dealt') {
      this.#settling -= word.times;
    } else if (word.failure === undefined) this.#ended?.resolve();
    else this.#ended?.reject(new Error(`worker thread ${this.number}: ${word.failure}`));
  }
}
