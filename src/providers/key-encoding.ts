import type { Key } from '../objects/key.ts';
import { keyFromBytes, keyToBytes, reservedPrefix } from '../objects/key.ts';

/** Where copies live whose keys a provider cannot hold. */
export const encodedPrefix = `${reservedPrefix}keys/`;

/** A name that every provider can hold. Hex keeps the order of the bytes, and a key's prefix is its name's prefix. */
export function encodeKey(key: Key): Key {
  return encodedPrefix + keyToBytes(key).toString('hex');
}

/** @returns undefined for a name that `encodeKey` does not give. */
export function decodeKey(name: Key): Key | undefined {
  const hex = name.slice(encodedPrefix.length);
  if (!name.startsWith(encodedPrefix) || !/^([0-9a-f]{2})+$/.test(hex)) return undefined;
  return keyFromBytes(Buffer.from(hex, 'hex'));
}
