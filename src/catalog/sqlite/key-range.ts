import { keyToBytes } from '../../objects/key.ts';

/** The keys that start with a prefix, as a condition on the column `o.key`. */
export interface KeyRange {
  readonly sql: string;
  readonly values: readonly Uint8Array[];
}

/** The keys that start with `prefix`, after the key `after` (exclusive) where given. */
export function keyRange(prefix: string, after?: Uint8Array): KeyRange {
  const from = keyToBytes(prefix);
  const to = successor(from);
  const lower = after === undefined ? 'o.key >= ?' : 'o.key > ?';
  const start = after ?? from;
  // Two conditions, not one with an `or`: SQLite takes a range of the index only from plain comparisons.
  if (to === undefined) return { sql: lower, values: [start] };
  return { sql: `${lower} and o.key < ?`, values: [start, to] };
}

/** The first byte sequence after all that start with `prefix`; undefined when there is none. */
function successor(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  if (length === 0) return undefined;
  const next = Uint8Array.from(prefix.subarray(0, length));
  next[length - 1] = (next[length - 1] ?? 0) + 1;
  return next;
}
