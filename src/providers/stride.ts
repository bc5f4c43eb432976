import type { ListPage } from './provider.ts';
import { sizeOfPage } from './listing-page.ts';

/** A range leaves so much of its last page to spare, or a few new keys would cost it a request for a page more. */
const spare = 1 / 64;
/** How many known keys there may be for a listed one, or listed ones for a known one. */
const mostUneven = 64;
/** How fast that is believed to change from one range to the next. */
const mostChange = 4;

/** How many known keys a range of a listing spans, so that it takes whole pages and about as many keys as it should. */
export class Stride {
  readonly #keys: number;
  #pageSize = 1;
  /** Known keys for each that is listed: more where they are kept of what is gone, fewer where not all are of interest. */
  #knownPerListed = 1;

  /** @param keys that a range lists, roughly. */
  constructor(keys: number) {
    this.#keys = keys;
  }

  get length(): number {
    const pages = Math.max(1, Math.round(this.#keys / this.#pageSize));
    return Math.max(1, Math.floor(pages * this.#pageSize * (1 - spare) * this.#knownPerListed));
  }

  saw(page: ListPage): void {
    this.#pageSize = Math.max(this.#pageSize, sizeOfPage(page));
  }

  /** A range over so many known keys listed so many. */
  learn(known: number, listed: number): void {
    const before = this.#knownPerListed;
    const now = clamp(known / Math.max(1, listed), before / mostChange, before * mostChange);
    this.#knownPerListed = clamp(now, 1 / mostUneven, mostUneven);
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
