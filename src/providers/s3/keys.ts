import type { Key } from '../../objects/key.ts';
import type { KeyFacts } from './facts.ts';

const maxKeyBytes = 1024;

/** Whether S3 takes this key as it is. A server with narrower rules is found out by the probe or refuses by itself. */
export function canHoldKey(key: Key): boolean {
  if (key === '' || !key.isWellFormed()) return false;
  return Buffer.byteLength(key, 'utf8') <= maxKeyBytes;
}

/**
 * Whether a server that maps keys to file paths would store this key under another name:
 * `a//b` and `a/./b` as `a/b`, `a/../b` as `b`, `/x` as `x` (versitygw on posix).
 */
export function isPathLike(key: Key): boolean {
  const segments = key.split('/');
  const last = segments.at(-1) === '' ? segments.slice(0, -1) : segments;
  return last.some((segment) => segment === '' || segment === '.' || segment === '..');
}

/** What XML 1.0 cannot carry, or changes on the way (a parser turns `\r` into `\n`). */
const notInXml = /[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/;

/** Why this key cannot be held by this server, or undefined when it can. */
export function refusalOf(key: Key, facts: KeyFacts): string | undefined {
  if (key === '') return 'S3 keys are not empty';
  if (!key.isWellFormed()) return 'S3 keys are Unicode, and this one has bytes that are not UTF-8';
  if (!canHoldKey(key)) return `S3 keys take at most ${maxKeyBytes} bytes`;
  if (facts.foldsPaths && isPathLike(key)) return 'this server would store it under another key';
  if (!facts.holdsTrailingSlash && key.endsWith('/')) return 'this server holds no bytes under a key that ends in "/"';
  if (!facts.holdsLongNames && hasLongName(key)) return 'this server takes at most 255 bytes between two slashes';
  if (!facts.encodesListing && notInXml.test(key)) return 'this server would list it as another key';
  return undefined;
}

/** Of a file system: the longest name of a file or directory. */
function hasLongName(key: Key): boolean {
  return key.split('/').some((name) => Buffer.byteLength(name, 'utf8') > 255);
}
