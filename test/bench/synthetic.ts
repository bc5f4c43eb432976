import { compareKeys, type Key } from '../../src/objects/key.ts';

/** An object as a listing shows it. */
export interface Listed {
  readonly key: Key;
  readonly size: number;
  /** In each provider's own words. */
  readonly version: { readonly s3: string; readonly gcs: string; readonly azure: string };
  readonly md5: Buffer;
  readonly modifiedAt: number;
}

export const syntheticPrefix = 'million/';
/** Sorts after all others below the prefix; it exists at the servers. */
export const realKey = `${syntheticPrefix}z/changed`;

const size = 4096;
const modifiedAt = Date.UTC(2026, 0, 1);
const perDirectory = 1_000;

/** The objects of a bucket that was never filled: they are listed, and nothing else can be done with them. */
export function synthetic(number: number): Listed {
  const md5 = Buffer.alloc(16);
  md5.writeUInt32BE(number, 12);
  const version = {
    s3: md5.toString('hex'),
    gcs: String(1_600_000_000_000_000 + number),
    azure: `0x8D${number.toString(16).toUpperCase().padStart(13, '0')}`,
  };
  return { key: keyOf(number), size, version, md5, modifiedAt };
}

export function keyOf(number: number): Key {
  const directory = String(Math.floor(number / perDirectory)).padStart(5, '0');
  return `${syntheticPrefix}${directory}/${String(number).padStart(8, '0')}.jpg`;
}

/** How many of the first `count` keys sort before this one. */
export function numberBefore(key: Key, count: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(keyOf(middle), key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
