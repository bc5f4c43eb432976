/**
 * An object's key: opaque bytes, held as a string.
 *
 * Bytes that are valid UTF-8 appear as the characters they encode. A byte 0x80–0xFF that is not part of valid
 * UTF-8 (file names may contain such) appears as the lone surrogate U+DC80–U+DCFF, the convention of PEP 383,
 * so that every byte sequence has exactly one string and back.
 */
export type Key = string;

/** The part of every provider's key space that is Holdfast's own and holds no user data. */
export const reservedPrefix = '.holdfast/';

export function isReserved(key: Key): boolean {
  return key.startsWith(reservedPrefix);
}

/** Orders keys by their bytes, as providers list them. JavaScript's `<` orders by UTF-16 unit, which differs above U+FFFF. */
export function compareKeys(a: Key, b: Key): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  const [left, right] = [unitAt(a, at), unitAt(b, at)];
  // Up to here both are the same. A unit below all surrogates is a character by itself, and so is the end.
  if (left < firstSurrogate && right < firstSurrogate) return left - right;
  return Buffer.compare(keyToBytes(a), keyToBytes(b));
}

const firstSurrogate = 0xd800;

/** -1 at the end. */
function unitAt(key: Key, at: number): number {
  return at < key.length ? key.charCodeAt(at) : -1;
}

export function keyToBytes(key: Key): Buffer {
  if (key.isWellFormed()) return Buffer.from(key, 'utf8');
  const pieces: Buffer[] = [];
  for (const character of key) {
    const code = character.codePointAt(0) ?? 0;
    pieces.push(isEscapedByte(code) ? Buffer.of(code - 0xdc00) : Buffer.from(character, 'utf8'));
  }
  return Buffer.concat(pieces);
}

export function keyFromBytes(bytes: Uint8Array): Key {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  if (!text.includes('\ufffd') || Buffer.from(text, 'utf8').equals(buffer)) return text;
  return decodeWithEscapes(buffer);
}

/** False when some byte of the key is not valid UTF-8; only a filesystem can hold such a key as it is. */
export function isUnicode(key: Key): boolean {
  return key.isWellFormed();
}

function isEscapedByte(code: number): boolean {
  return code >= 0xdc80 && code <= 0xdcff;
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeWithEscapes(bytes: Buffer): Key {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes[at] ?? 0);
    const decoded = tryDecode(bytes.subarray(at, at + length));
    if (decoded === undefined) {
      text += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
      at += 1;
    } else {
      text += decoded;
      at += length;
    }
  }
  return text;
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
