import { compareKeys, type Key } from '../../src/objects/key.ts';
import type { ListOptions, ListPage, Provider } from '../../src/providers/provider.ts';
import { MemoryProvider } from '../../src/providers/memory/memory.ts';

export interface PageRequest {
  readonly after: Key | undefined;
  readonly signal: AbortSignal;
}

/** A listing as clouds give it: each page is a request of its own, answered by what is there at that moment. */
export class PagedBucket {
  readonly keys: Set<Key>;
  /** Keys that are there and no objects. */
  readonly ignored: Set<Key>;
  readonly requests: PageRequest[] = [];
  /** Requests under way, and the most there ever were. */
  underWay = 0;
  most = 0;
  pageSize: number;
  /** Whether a page says how it goes on when it was cut by its size and nothing follows; where not, it ends. */
  onRequest: (request: PageRequest) => Promise<void> | void = () => undefined;
  /** Changes the keys of an answer. */
  order: (a: Key, b: Key) => number = compareKeys;
  /** By which order a listing begins after a key; undefined: by that of its answers. */
  beginsBy: ((a: Key, b: Key) => number) | undefined;
  readonly provider: Provider;

  constructor(keys: Iterable<Key>, pageSize: number, ignored: Iterable<Key> = []) {
    this.keys = new Set(keys);
    this.ignored = new Set(ignored);
    this.pageSize = pageSize;
    const list = (options: ListOptions, signal: AbortSignal): AsyncGenerator<ListPage> => this.#list(options, signal);
    this.provider = Object.assign(new MemoryProvider({ name: 'paged' }), { list });
  }

  async *#list({ after }: ListOptions, signal: AbortSignal): AsyncGenerator<ListPage> {
    let position = after;
    for (;;) {
      const request = { after: position, signal };
      const begins = position === after ? (this.beginsBy ?? this.order) : this.order;
      const { keys, more } = await this.#answer(request, begins);
      yield this.#page(keys);
      if (!more) return;
      position = keys.at(-1) ?? position;
    }
  }

  async #answer(
    request: PageRequest,
    compare: (a: Key, b: Key) => number,
  ): Promise<{ readonly keys: readonly Key[]; readonly more: boolean }> {
    this.requests.push(request);
    this.underWay += 1;
    this.most = Math.max(this.most, this.underWay);
    try {
      await this.onRequest(request);
      request.signal.throwIfAborted();
    } finally {
      this.underWay -= 1;
    }
    const { after } = request;
    const all = [...this.keys].filter((key) => after === undefined || compare(key, after) > 0).sort(this.order);
    return { keys: all.slice(0, this.pageSize), more: all.length > this.pageSize };
  }

  #page(keys: readonly Key[]): ListPage {
    const entries = keys
      .filter((key) => !this.ignored.has(key))
      .map((key) => ({ key, size: 1, version: 'v', modifiedAt: 0 }));
    const ignored = keys.filter((key) => this.ignored.has(key)).map((key) => ({ key, reason: 'no object' }));
    return { entries, ...(ignored.length > 0 && { ignored }) };
  }
}
