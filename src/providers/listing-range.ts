import { ProviderError } from '../objects/errors.ts';
import { compareKeys, type Key } from '../objects/key.ts';
import { Leash } from '../objects/leash.ts';
import { firstKeyOf, lastKeyOf, sizeOfPage, withoutIgnoredUpTo } from './listing-page.ts';
import type { ListPage } from './provider.ts';

export interface ListingRangeOptions {
  /** Exclusive; undefined: from the start. */
  readonly lower: Key | undefined;
  /** Begins after a key (exclusive). */
  readonly open: (after: Key | undefined, signal: AbortSignal) => AsyncIterable<ListPage>;
  /** No further page is asked for ahead while so many keys are held. */
  readonly capacity: number;
  /** A page came, or it ended. */
  readonly onNews: (page: ListPage | undefined) => void;
  /** What it fails with when a page begins with a key that does not come after all before it, or after `lower`. */
  readonly outOfOrder: (before: Key, now: Key) => Error;
}

/**
 * A chain of pages, read ahead until it reaches its upper boundary or holds as much as it may: at most `capacity` keys and
 * one page. An outage while it is read ahead may be long over when its turn comes: it is tried once more then. Whatever else it
 * fails with is met when everything that came before was taken, and by nobody when it is closed before.
 */
export class ListingRange {
  readonly lower: Key | undefined;
  /** Inclusive; undefined: to the end of the listing, as far as is known. */
  upper: Key | undefined;
  /** How many known keys lie between its boundaries, where that is known. */
  span: number | undefined;
  readonly #options: ListingRangeOptions;
  readonly #leash: Leash;
  #pages: AsyncIterator<ListPage>;
  readonly #held: ListPage[] = [];
  #keysHeld = 0;
  #reached: Key | undefined;
  #asking: Promise<void> | undefined;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #closed = false;

  constructor(options: ListingRangeOptions, signal: AbortSignal) {
    this.lower = options.lower;
    this.#options = options;
    this.#leash = new Leash(signal);
    this.#pages = this.#open();
  }

  #open(): AsyncIterator<ListPage> {
    return this.#options.open(this.#reached ?? this.lower, this.#leash.signal)[Symbol.asyncIterator]();
  }

  /** The last key of the pages that came, whether they were taken or not. */
  get reached(): Key | undefined {
    return this.#reached;
  }

  /** Asks for the next page where there is room and need of it. */
  ask(): void {
    if (this.#wantsMore) this.#request().catch(() => undefined);
  }

  /** The next page; undefined at the end of the listing. @throws what the listing threw. */
  async next(): Promise<ListPage | undefined> {
    const page = await this.peek();
    if (page === undefined) return undefined;
    this.#held.shift();
    this.#keysHeld -= sizeOfPage(page);
    this.ask();
    return page;
  }

  /** As `next`, and leaves the page where it is. */
  async peek(): Promise<ListPage | undefined> {
    if (this.#held.length === 0 && mayBeOver(this.#failure?.error)) {
      this.#failure = undefined;
      this.#pages = this.#open();
    }
    while (this.#held.length === 0 && !this.#ended) {
      if (this.#failure !== undefined) throw this.#failure.error;
      await this.#request();
    }
    return this.#held[0];
  }

  /** Ends its request, if one is under way. Never rejects: nobody waits for what a closed listing has to say. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#held.length = 0;
    if (this.#asking !== undefined) this.#leash.abort(new Error('this part of the listing is not needed any more'));
    await this.#asking;
    try {
      await this.#pages.return?.();
    } catch {
      // It is left in any case.
    }
    this.#leash[Symbol.dispose]();
  }

  get #wantsMore(): boolean {
    if (this.#closed || this.#ended || this.#failure !== undefined) return false;
    return this.#keysHeld < this.#options.capacity && !this.#isThrough;
  }

  get #isThrough(): boolean {
    return this.upper !== undefined && this.#reached !== undefined && compareKeys(this.#reached, this.upper) >= 0;
  }

  #request(): Promise<void> {
    this.#asking ??= this.#step();
    return this.#asking;
  }

  async #step(): Promise<void> {
    let page: ListPage | undefined;
    try {
      const next = await this.#pages.next();
      if (next.done === true) this.#ended = true;
      else page = next.value;
    } catch (error) {
      this.#failure = { error };
    }
    this.#asking = undefined;
    if (this.#closed) return;
    if (page !== undefined) this.#keep(page);
    this.ask();
    this.#options.onNews(page);
  }

  #keep(given: ListPage): void {
    const page = this.lower === undefined ? given : withoutIgnoredUpTo(given, this.lower);
    const [before, first] = [this.#reached ?? this.lower, firstKeyOf(page)];
    if (before !== undefined && first !== undefined && compareKeys(first, before) <= 0) {
      this.#failure = { error: this.#options.outOfOrder(before, first) };
      return;
    }
    this.#held.push(page);
    this.#keysHeld += sizeOfPage(page);
    this.#reached = lastKeyOf(page) ?? this.#reached;
  }
}

/** A listing in another order than it says never is: read on from where it got to, it would leave out what comes late. */
function mayBeOver(error: unknown): boolean {
  return error instanceof ProviderError && error.retryable;
}
