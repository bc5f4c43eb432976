import type { Key } from '../objects/key.ts';
import { compareKeys, isReserved, reservedPrefix } from '../objects/key.ts';
import type { ObjectInfo } from '../objects/object.ts';
import { decodeKey, encodeKey } from './key-encoding.ts';
import type { FurtherOn, ListOptions, ListPage, Provider } from './provider.ts';

/** Keys held natively and keys held encoded, merged in byte order. A key held both ways appears once, as encoded. */
export async function* listBothKinds(
  provider: Provider,
  canHold: (key: Key) => boolean,
  options: ListOptions,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  if (options.prefix?.startsWith(reservedPrefix)) {
    yield* provider.list(options, signal);
    return;
  }
  await using native = new Entries(listNative(provider, canHold, options, signal));
  await using encoded = new Entries(listEncoded(provider, canHold, options, signal));
  for (;;) {
    await native.fill();
    await encoded.fill();
    const ignored = [...native.takeIgnored(), ...encoded.takeIgnored()];
    // Mostly there is nothing to merge.
    const entries = encoded.over ? native.takeRest() : mergeWhileBothLast(native, encoded);
    const isOver = native.over && encoded.over;
    if (entries.length > 0 || ignored.length > 0 || !isOver) yield { entries, ...(ignored.length > 0 && { ignored }) };
    if (isOver) return;
  }
}

/** Merges until one side has to fetch its next page first. */
function mergeWhileBothLast(native: Entries, encoded: Entries): ObjectInfo[] {
  const merged: ObjectInfo[] = [];
  while (native.known && encoded.known && !(native.over && encoded.over)) {
    const [left, right] = [native.next, encoded.next];
    const order = left === undefined ? 1 : right === undefined ? -1 : compareKeys(left.key, right.key);
    const first = order < 0 ? left : right;
    if (first !== undefined) merged.push(first);
    if (order <= 0) native.advance();
    if (order >= 0) encoded.advance();
  }
  return merged;
}

/** Characters that a provider may be unable to express in a listing's parameters. */
const inexpressible = /[\p{Cc}\p{Cs}\ufffe\uffff]/u;

/** Asks for what surely can be asked for, and leaves out here what is too much. */
async function* listNative(
  provider: Provider,
  canHold: (key: Key) => boolean,
  options: ListOptions,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  const { prefix = '', after, furtherOn } = options;
  const asked = {
    prefix: expressible(prefix),
    ...(after !== undefined && { after: expressible(after) }),
    ...(furtherOn !== undefined && { furtherOn: nativelyOf(furtherOn, canHold) }),
  };
  for await (const page of provider.list(asked, signal)) {
    yield { ...page, entries: page.entries.filter(({ key }) => isWanted(key, options)) };
  }
}

/** Keys one after the other that are looked at for one that can be asked for. */
const attempts = 4;

/** As `furtherOn`, of keys that a listing can surely begin at. */
function nativelyOf(furtherOn: FurtherOn, canHold: (key: Key) => boolean): FurtherOn {
  return async (after, count) => {
    for (let further = 0; further < attempts; further += 1) {
      const key = await furtherOn(after, count + further);
      if (key === undefined || (canHold(key) && expressible(key) === key)) return key;
    }
    return undefined;
  };
}

function expressible(text: string): string {
  const at = text.search(inexpressible);
  return at < 0 ? text : text.slice(0, at);
}

async function* listEncoded(
  provider: Provider,
  canHold: (key: Key) => boolean,
  options: ListOptions,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  const { prefix = '', after } = options;
  const asked = { prefix: encodeKey(prefix), ...(after !== undefined && { after: encodeKey(after) }) };
  for await (const page of provider.list(asked, signal)) {
    const entries: ObjectInfo[] = [];
    const ignored = [...(page.ignored ?? [])];
    for (const entry of page.entries) {
      const key = decodeKey(entry.key);
      if (key === undefined) ignored.push({ key: entry.key, reason: 'its name is no encoded key' });
      else if (isReserved(key) || canHold(key)) ignored.push({ key: entry.key, reason: needlessly(key) });
      else if (isWanted(key, options)) entries.push({ ...entry, key });
    }
    yield { entries, ...(ignored.length > 0 && { ignored }) };
  }
}

/** `head` and `read` look for such a key under its own name only. */
function needlessly(key: Key): string {
  return `it encodes ${JSON.stringify(key)}, a key that is held as it is`;
}

function isWanted(key: Key, { prefix = '', after }: ListOptions): boolean {
  return key.startsWith(prefix) && (after === undefined || compareKeys(key, after) > 0);
}

/** A listing read entry by entry, a page at a time. */
class Entries implements AsyncDisposable {
  readonly #pages: AsyncGenerator<ListPage>;
  #page: readonly ObjectInfo[] = [];
  #at = 0;
  #ended = false;
  #ignored: NonNullable<ListPage['ignored']> = [];

  constructor(pages: AsyncGenerator<ListPage>) {
    this.#pages = pages;
  }

  /** Undefined when the page at hand is used up. */
  get next(): ObjectInfo | undefined {
    return this.#page[this.#at];
  }

  get over(): boolean {
    return this.#ended && this.next === undefined;
  }

  /** Whether it is known what comes next: an entry, or the end. */
  get known(): boolean {
    return this.#ended || this.next !== undefined;
  }

  advance(): void {
    this.#at += 1;
  }

  /** Fetches the next page where it is not known what comes next. An empty one is passed on: somebody waits for its sign of life. */
  async fill(): Promise<void> {
    if (this.known) return;
    const step = await this.#pages.next();
    this.#ended = step.done === true;
    this.#page = step.done === true ? [] : step.value.entries;
    this.#at = 0;
    if (step.done !== true) this.#ignored = [...this.#ignored, ...(step.value.ignored ?? [])];
  }

  /** What is left of the page at hand. */
  takeRest(): readonly ObjectInfo[] {
    const rest = this.#at === 0 ? this.#page : this.#page.slice(this.#at);
    this.#page = [];
    return rest;
  }

  takeIgnored(): NonNullable<ListPage['ignored']> {
    const taken = this.#ignored;
    this.#ignored = [];
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pages.return(undefined);
  }
}
