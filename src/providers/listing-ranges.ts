import { ProviderError } from '../objects/errors.ts';
import { compareKeys, type Key } from '../objects/key.ts';
import { divide, firstKeyOf, lastKeyOf, sizeOfPage } from './listing-page.ts';
import { ListingRange } from './listing-range.ts';
import type { FurtherOn, ListPage } from './provider.ts';
import { Stride } from './stride.ts';

export interface ListingRangesOptions {
  readonly provider: string;
  /** Begins an ordered listing after a key (exclusive). */
  readonly open: (after: Key | undefined, signal: AbortSignal) => AsyncIterable<ListPage>;
  readonly after: Key | undefined;
  readonly furtherOn: FurtherOn;
  /** How many ranges are read side by side: the one whose turn it is, and those ahead of it. May change at any time. */
  readonly atOnce: () => number;
  /** Keys of a range, roughly, and how many of it may be held: see `ListingRange`. */
  readonly keys: number;
}

/**
 * A listing read in several ranges side by side, given in key order. What it gives is what one chain of pages gives,
 * whatever the boundaries are: they decide only where a chain hands over to the next one, which began behind a boundary
 * while it was still on its way there. It does so where both tell the same key behind the boundary, or where its page ends
 * with the boundary itself; where they differ, for keys came or went meanwhile or the server goes by another order than it
 * says, it goes on in place of the other. Held are at most `atOnce` × (`keys` and a page).
 */
export async function* listByRanges(
  options: ListingRangesOptions,
  signal: AbortSignal,
): AsyncGenerator<ListPage, void, undefined> {
  await using ranges = new ListingRanges(options, signal);
  for await (const page of ranges.pages()) {
    if (signal.aborted) throw aborted(options.provider, signal.reason);
    yield page;
  }
}

class ListingRanges implements AsyncDisposable {
  readonly #options: ListingRangesOptions;
  readonly #signal: AbortSignal;
  readonly #stride: Stride;
  /** The first is the one whose turn it is. All but the last have an upper boundary, where the next one begins. */
  readonly #ranges: ListingRange[] = [];
  readonly #closing = new Set<Promise<void>>();
  /** Keys that the range whose turn it is has given. */
  #given = 0;
  #askedFrom: Key | undefined;
  #extending = false;
  #hasNews = false;
  #closed = false;

  constructor(options: ListingRangesOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#stride = new Stride(options.keys);
  }

  async *pages(): AsyncGenerator<ListPage, void, undefined> {
    this.#begin(this.#options.after);
    for (let range = this.#ranges[0]; range !== undefined; range = this.#ranges[0]) {
      const page = await range.next();
      if (page === undefined) this.#handOver(range);
      else yield* this.#upToBoundary(range, page);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const range of this.#ranges.splice(0)) this.#close(range);
    await Promise.all(this.#closing);
  }

  async *#upToBoundary(range: ListingRange, page: ListPage): AsyncGenerator<ListPage, void, undefined> {
    let rest = page;
    for (;;) {
      const { upper } = range;
      const [within, beyond] = upper === undefined ? [rest, nothing] : divide(rest, upper);
      const next = firstKeyOf(beyond);
      if (next === undefined || sizeOfPage(within) > 0) yield this.#give(within);
      const isThere = upper !== undefined && lastKeyOf(within) === upper;
      if (upper === undefined || (next === undefined && !isThere)) return;
      const following = this.#ranges[1] ?? this.#begin(upper);
      if (next === undefined || next === (yield* this.#firstKey(following))) {
        this.#learn(range);
        this.#handOver(range);
        return;
      }
      this.#replace(range, following);
      rest = beyond;
    }
  }

  /** The first key that a range lists. Empty pages are passed on: somebody waits for a sign of life. */
  async *#firstKey(range: ListingRange): AsyncGenerator<ListPage, Key | undefined, undefined> {
    for (;;) {
      const page = await range.peek();
      const key = page === undefined ? undefined : firstKeyOf(page);
      if (page === undefined || key !== undefined) return key;
      yield page;
      await range.next();
    }
  }

  #give(page: ListPage): ListPage {
    this.#given += sizeOfPage(page);
    return page;
  }

  #learn(range: ListingRange): void {
    if (range.span !== undefined) this.#stride.learn(range.span, this.#given);
  }

  #handOver(range: ListingRange): void {
    this.#ranges.shift();
    this.#given = 0;
    this.#close(range);
    this.#extend();
  }

  /** The chain goes on instead of the one that was to follow. */
  #replace(range: ListingRange, following: ListingRange): void {
    range.upper = following.upper;
    range.span = undefined;
    this.#ranges.splice(this.#ranges.indexOf(following), 1);
    this.#close(following);
    this.#extend();
  }

  #close(range: ListingRange): void {
    const closing = range.close().then(() => void this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #begin(lower: Key | undefined): ListingRange {
    const { provider, open, keys: capacity } = this.#options;
    const onNews = (page: ListPage | undefined): void => {
      if (page !== undefined) this.#stride.saw(page);
      this.#extend();
    };
    const range = new ListingRange(
      {
        lower,
        capacity,
        open,
        onNews,
        outOfOrder: (before, now) => outOfOrder(provider, before, now),
      },
      this.#signal,
    );
    this.#ranges.push(range);
    range.ask();
    this.#extend();
    return range;
  }

  /** Sees to it that as many ranges are read ahead as may be. */
  #extend(): void {
    this.#hasNews = true;
    if (this.#extending) return;
    this.#extending = true;
    // Where the next range could begin is no more than a hint: the listing goes on without.
    this.#extendWhileNews().catch(() => undefined);
  }

  async #extendWhileNews(): Promise<void> {
    try {
      while (this.#hasNews) {
        this.#hasNews = false;
        while (await this.#extendOnce());
      }
    } finally {
      this.#extending = false;
    }
  }

  /** @returns whether there may be more to do. */
  async #extendOnce(): Promise<boolean> {
    const newest = this.#ranges.at(-1);
    if (newest === undefined || this.#closed) return false;
    if (newest.upper === undefined) return await this.#bound(newest);
    if (this.#ranges.length >= this.#options.atOnce()) return false;
    this.#begin(newest.upper);
    return true;
  }

  /** Looks for a boundary for the last range. @returns false when there is nothing from where it has not been looked for. */
  async #bound(newest: ListingRange): Promise<boolean> {
    const from = newest.reached ?? newest.lower;
    if (from === undefined || from === this.#askedFrom) return false;
    this.#askedFrom = from;
    const span = this.#stride.length;
    const upper = await this.#options.furtherOn(from, span);
    // It may have gone on meanwhile, and past there.
    const isAhead = upper !== undefined && compareKeys(upper, newest.reached ?? from) > 0;
    if (!isAhead || this.#ranges.at(-1) !== newest) return true;
    newest.upper = upper;
    if (from === newest.lower) newest.span = span;
    return true;
  }
}

const nothing: ListPage = { entries: [] };

function outOfOrder(provider: string, last: Key, key: Key): ProviderError {
  const [before, now] = [JSON.stringify(last), JSON.stringify(key)];
  const message = `"${provider}" listed ${now} where only what comes after ${before} was asked for. The listing was abandoned.`;
  return new ProviderError('invalid', message, { provider, key });
}

function aborted(provider: string, cause: unknown): ProviderError {
  return new ProviderError('aborted', `Listing "${provider}" was aborted.`, { provider, cause });
}
