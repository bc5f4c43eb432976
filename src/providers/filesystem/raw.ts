import type { Key } from '../../objects/key.ts';
import { keyFromBytes, keyToBytes } from '../../objects/key.ts';

/**
 * A path or a key as bytes, one character (U+0000 to U+00FF) for each byte. File names need not be UTF-8; in this
 * form none is lost, `<` and `sort()` order by byte, and Node takes and gives it as the encoding `latin1`.
 */
export type Raw = string;

const ascii = /^[\x00-\x7f]*$/;

export function rawFromKey(key: Key): Raw {
  return ascii.test(key) ? key : keyToBytes(key).toString('latin1');
}

export function keyFromRaw(raw: Raw): Key {
  return ascii.test(raw) ? raw : keyFromBytes(Buffer.from(raw, 'latin1'));
}

/** What a system call takes. */
export function pathOf(raw: Raw): Buffer {
  return Buffer.from(raw, 'latin1');
}

/** A path for people to read. */
export function shown(raw: Raw): string {
  return pathOf(raw).toString('utf8');
}

/** The directory of a relative path, without a slash at the end; '' when it has none. */
export function parentOf(relative: Raw): Raw {
  return relative.slice(0, Math.max(0, relative.lastIndexOf('/')));
}
