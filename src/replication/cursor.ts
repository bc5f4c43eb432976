import { compareKeys, type Key } from '../objects/key.ts';
import type { ObjectInfo } from '../objects/object.ts';
import type { ListPage } from '../providers/provider.ts';

/**
 * A stream of keyed entries in ascending key order, looked at one entry at a time. The next page is asked for as soon
 * as one has come, so that several cursors that are merged wait for the slowest and not for all in turn.
 */
export class Cursor<T extends { readonly key: Key }> {
  readonly #pages: AsyncIterator<readonly T[]>;
  #page: readonly T[] = [];
  #at = 0;
  #ended = false;
  #next: Promise<IteratorResult<readonly T[]>> | undefined;

  constructor(pages: AsyncIterable<readonly T[]>) {
    this.#pages = pages[Symbol.asyncIterator]();
  }

  /** The entry the cursor stands on; undefined after the last. Call `settle` first. */
  get current(): T | undefined {
    return this.#page[this.#at];
  }

  /** True when `current` may be looked at without waiting: keeps the merge free of a promise per entry. */
  get settled(): boolean {
    return this.#ended || this.#at < this.#page.length;
  }

  /** @throws what the stream threw, once what came before it was looked at. */
  async settle(): Promise<void> {
    while (!this.settled) await this.step();
  }

  /** Waits for the next page, which may be empty: then it is not settled yet, and the stream goes on. @throws as `settle`. */
  async step(): Promise<void> {
    const next = await this.#request();
    this.#next = undefined;
    if (next.done === true) this.#ended = true;
    else {
      [this.#page, this.#at] = [next.value, 0];
      this.ask();
    }
  }

  /** Asks for the next page without waiting for it: whoever settles the cursor meets its failure, and nobody may. */
  ask(): void {
    this.#request().catch(() => undefined);
  }

  #request(): Promise<IteratorResult<readonly T[]>> {
    this.#next ??= this.#pages.next();
    return this.#next;
  }

  /** @returns the entry at `key` and moves on, or undefined when the cursor stands elsewhere. */
  take(key: Key): T | undefined {
    const entry = this.current;
    if (entry === undefined || entry.key !== key) return undefined;
    this.#at += 1;
    return entry;
  }

  async close(): Promise<void> {
    this.#page = [];
    this.#ended = true;
    await this.#next?.catch(() => undefined);
    await this.#pages.return?.();
  }
}

/** `onIgnored` is told of what is there and no object (see `ListPage`). */
export function cursorOfListing(pages: AsyncIterable<ListPage>, onIgnored?: OnIgnored): Cursor<ObjectInfo> {
  return new Cursor(entriesOf(pages, onIgnored));
}

export type OnIgnored = (key: Key, reason: string) => void;

async function* entriesOf(
  pages: AsyncIterable<ListPage>,
  onIgnored?: OnIgnored,
): AsyncGenerator<readonly ObjectInfo[], void, undefined> {
  for await (const { entries, ignored = [] } of pages) {
    // The empty key is no object's: the prefix itself, which a console marks as a directory.
    for (const { key, reason } of ignored) if (key !== '') onIgnored?.(key, reason);
    yield entries;
  }
}

/** The smallest key that any settled cursor stands on. */
export function smallestKey(cursors: readonly Cursor<{ readonly key: Key }>[]): Key | undefined {
  let smallest: Key | undefined;
  for (const { current } of cursors) {
    if (current === undefined) continue;
    if (smallest === undefined || compareKeys(current.key, smallest) < 0) smallest = current.key;
  }
  return smallest;
}
