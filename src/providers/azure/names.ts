import type { Key } from '../../objects/key.ts';

/** UTF-16 units and path segments (learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata). */
const maxLength = 1_024;
const maxSegments = 254;

/**
 * Whether Azure is certain to return this key exactly as given. The documented rules leave room ("avoid", "may
 * fail"), so this follows the strictest reading, and whatever is left out is stored under an encoded name:
 * - no empty segment (`a//b`, a leading or trailing `/`) and none that ends with a dot: documented as "avoid", and
 *   accounts with a hierarchical namespace collapse them;
 * - none of the characters in `unsafe`.
 *
 * The answer must never depend on the Unicode tables of the running Node, or a copy stored under one name would be
 * looked for under another after an update.
 */
export function canHoldKey(key: Key): boolean {
  if (!canExpressKey(key) || unsafe.test(key)) return false;
  const segments = key.split('/');
  return segments.length <= maxSegments && segments.every((segment) => segment !== '' && !segment.endsWith('.'));
}

/**
 * Whether a URL exists that names exactly this key, so that a request for it cannot reach another blob. Measured:
 * the URL parser resolves `.` and `..` segments, the service takes `\` for `/`.
 */
export function canExpressKey(key: Key): boolean {
  if (key === '' || key.length > maxLength || key.includes('\\') || !key.isWellFormed()) return false;
  return !/(^|\/)\.\.?(\/|$)/.test(key);
}

/**
 * - U+0000–U+001F, U+007F–U+009F: refused; a carriage return or U+0001 breaks the XML of a listing (measured).
 * - format characters (soft hyphen, zero-width, bidirectional marks, byte order mark): URL parsers are known to drop them.
 * - U+2028, U+2029: line breaks to some parsers.
 * - U+E000–U+F8FF and planes 15 and 16 (private use), U+FDD0–U+FDEF and U+xxFFFE–U+xxFFFF: no characters to Azure
 *   (azure-storage-node #385: 400 "Invalid URL").
 */
const unsafe = new RegExp(
  [
    '[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u08e2\\u180e]',
    '[\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff0-\\uffff\\ufdd0-\\ufdef\\ue000-\\uf8ff]',
    '[\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}\\u{f0000}-\\u{10ffff}]',
    ...Array.from(
      { length: 14 },
      (_, plane) => `[\\u{${(plane + 1).toString(16)}fffe}-\\u{${(plane + 1).toString(16)}ffff}]`,
    ),
  ].join('|'),
  'u',
);
