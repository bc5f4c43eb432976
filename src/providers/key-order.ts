import type { Key } from '../objects/key.ts';
import { compareKeys } from '../objects/key.ts';

/**
 * Names, in the order of their UTF-8 bytes, that tell this order from others: of UTF-16 units (the last two), of
 * letters without case (`A`, `a`), of directories before their neighbours (`b!`, `b/x`), and from no order at all.
 */
export const orderCanaries: readonly Key[] = ['A', 'a', 'b!', 'b/x', '~', '\uff01', '\u{1F600}'];

/**
 * The canary to begin a listing at, or after: by their bytes there is another one after it, by UTF-16 units there are all others
 * before it. So a server that begins elsewhere than it lists is told by what it leaves out.
 */
export const startCanary: Key = '\uff01';

/**
 * Makes sure that the keys of entries ascend, page after page: one out of order looks like a missing object to whoever compares two
 * listings, and deletes data. `last` is the last key of the page before. @returns the last key of this one.
 */
export function expectAscending(
  entries: readonly { readonly key: Key }[],
  last: Key | undefined,
  outOfOrder: (before: Key, now: Key) => Error,
): Key | undefined {
  let before = last;
  for (const { key: now } of entries) {
    if (before !== undefined && compareKeys(before, now) >= 0) throw outOfOrder(before, now);
    before = now;
  }
  return before;
}

/** Makes sure that entries asked for from `start` on (inclusive) are not before it. */
export function expectFrom(
  entries: readonly { readonly key: Key }[],
  start: Key,
  outOfOrder: (before: Key, now: Key) => Error,
): void {
  const first = entries[0]?.key;
  if (first !== undefined && compareKeys(first, start) < 0) throw outOfOrder(start, first);
}

export function isAscending(keys: readonly Key[]): boolean {
  return keys.every((key, index) => index === 0 || compareKeys(keys[index - 1] ?? '', key) < 0);
}

/** The least key after all that begin with `reserved` (it ends in `/`): where an ordered listing goes on behind them. */
export function firstKeyAfter(reserved: Key): Key {
  return `${reserved.slice(0, -1)}0`;
}
