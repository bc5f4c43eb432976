import { SharedBytes } from '../replication/byte-pool.ts';
import type { Beginning } from './messages.ts';

/** Where a thread counts the bytes in flight with all others: all of them, or those for one target that is behind. */
export function countedIn(
  { bytes, parts, number }: Pick<Beginning, 'bytes' | 'parts' | 'number'>,
  total: number,
  target?: string,
): SharedBytes {
  const memory = target === undefined ? bytes : parts.get(target);
  if (memory === undefined) throw new Error(`there is no part of the bytes in flight for the unknown target ${target}`);
  return new SharedBytes(total, memory, number);
}
