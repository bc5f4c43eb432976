import { createHash } from 'node:crypto';
import { keyFromBytes, keyToBytes, reservedPrefix, type Key } from '../objects/key.ts';
import type { Attributes } from '../objects/object.ts';

/** Where Holdfast keeps what was replaced, at every provider. Nothing outside is ever deleted for its age. */
export const historyPrefix: Key = `${reservedPrefix}history/`;

/**
 * Always the same for the same replaced copy, so that an attempt which was cut short is taken up and not repeated
 * beside itself; another one for a copy of the same bytes that stood there at another time, where versions tell.
 * 116 bytes, whatever the object's key.
 */
export function keptKey(key: Key, standing: { readonly version: string; readonly sha256: string }): Key {
  const which = `${standing.sha256.slice(0, 16)}-${sha256(standing.version).slice(0, 16)}`;
  return `${keptPrefix(key)}${which}`;
}

/** Below it lies everything that Holdfast itself keeps of an object, and nothing else. */
export function keptPrefix(key: Key): Key {
  return `${historyPrefix}${sha256(keyToBytes(key))}/`;
}

/** A name that S3, GCS and Azure all take as it is. */
const keyEntry = 'holdfastkey';
const replacedEntry = 'holdfastreplaced';

/**
 * A kept copy tells itself whose it is and when it was replaced (milliseconds since the epoch): the key, percent-encoded,
 * and the time, as two more entries of the user's metadata.
 */
export function withKey(attributes: Attributes, key: Key, replacedAt: number): Attributes {
  const entries = { [keyEntry]: encoded(key), [replacedEntry]: new Date(replacedAt).toISOString() };
  return { ...attributes, metadata: { ...attributes.metadata, ...entries } };
}

/** What a kept copy says of itself, undefined where it does not, and the attributes without that. */
export interface KeptSays {
  readonly attributes: Attributes;
  readonly key: Key | undefined;
  readonly replacedAt: number | undefined;
}

/** Takes the entries off again. */
export function withoutKey(attributes: Attributes): KeptSays {
  const { [keyEntry]: entry, [replacedEntry]: replaced = '', ...metadata } = attributes.metadata;
  const time = Date.parse(replaced);
  return {
    attributes: { ...attributes, metadata },
    key: entry === undefined ? undefined : decoded(entry),
    replacedAt: Number.isNaN(time) ? undefined : time,
  };
}

function encoded(key: Key): string {
  let text = '';
  for (const byte of keyToBytes(key)) {
    const character = String.fromCharCode(byte);
    text += /[\w./-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`;
  }
  return text;
}

function decoded(text: string): Key {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const escaped = text[at] === '%' ? Number.parseInt(text.slice(at + 1, at + 3), 16) : Number.NaN;
    bytes.push(Number.isNaN(escaped) ? text.charCodeAt(at) : escaped);
    if (!Number.isNaN(escaped)) at += 2;
  }
  return keyFromBytes(Uint8Array.from(bytes));
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
