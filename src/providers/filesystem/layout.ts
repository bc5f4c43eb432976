import { hash } from 'node:crypto';
import { reservedPrefix } from '../../objects/key.ts';
import type { Raw } from './raw.ts';
import { parentOf, pathOf } from './raw.ts';

/**
 * Where things lie below the root. A key that is a usable path lies at that path, so that source trees need no
 * preparation and copies are plain files. Holdfast's own directory holds the rest:
 *
 * - `.holdfast/keys/`: objects whose key is no usable path, or whose path is taken by a directory or by a file above
 *   it. The name is the key in hex, cut into pieces of 254 digits; every piece but the last is a directory with `+`
 *   appended. That is reversible, and byte order of these paths is byte order of the keys.
 * - `.holdfast/meta/`: attributes and records (see `sidecar.ts`).
 * - `.holdfast/catalog/`: snapshots of the catalog, at their plain paths, so that people find them without Holdfast.
 * - `.holdfast/tmp/`: files being written. What a crash leaves there is never listed.
 */
export const ownDirectory = reservedPrefix.slice(0, -1);
export const keysDirectory = `${reservedPrefix}keys`;
export const metaDirectory = `${reservedPrefix}meta`;
export const temporaryDirectory = `${reservedPrefix}tmp`;
/** Reserved keys that lie at their plain paths. */
export const openDirectory = `${reservedPrefix}catalog/`;
export const probeDirectory = `${reservedPrefix}probe`;

/** How a target changes names; found out by `probeNames`. */
export interface NameRules {
  /** The filesystem alters some names (normalises, strips dots): only names that are safe everywhere are used as they are. */
  readonly portableOnly: boolean;
}

const maxNameBytes = 255;
/** PATH_MAX of Linux, with its closing NUL. Where it is less, the system call says so. */
const maxPathBytes = 4_095;

/** The relative path at which the key lies as it is; undefined when it is no usable path. */
export function plainPath(raw: Raw, root: Raw, rules: NameRules): Raw | undefined {
  if (raw.startsWith(reservedPrefix) && !raw.startsWith(openDirectory)) return undefined;
  if (root.length + 1 + raw.length > maxPathBytes) return undefined;
  return raw.split('/').every((name) => isPlainName(name, rules)) ? raw : undefined;
}

/** Whether every directory of a prefix ('' or ending in '/') can exist by that very name. */
export function isPlainDirectory(prefix: Raw): boolean {
  return (
    prefix === '' ||
    prefix
      .slice(0, -1)
      .split('/')
      .every((name) => isPlainName(name, { portableOnly: false }))
  );
}

function isPlainName(name: Raw, rules: NameRules): boolean {
  if (name === '' || name === '.' || name === '..' || name.length > maxNameBytes || name.includes('\0')) return false;
  return !rules.portableOnly || isPortable(name);
}

function isPortable(name: Raw): boolean {
  return /^[\x20-\x7e]+$/.test(name) && !/[<>:"|?*\\]|[. ]$/.test(name);
}

const piece = 254;

export function encodedPath(raw: Raw): Raw {
  return `${keysDirectory}/${encodeKey(raw)}`;
}

/** The path below `.holdfast/keys/`. Also right for prefixes of keys: prefixes become prefixes. */
export function encodeKey(raw: Raw): Raw {
  const hex = pathOf(raw).toString('hex');
  const pieces: string[] = [];
  for (let at = 0; at < hex.length; at += piece) pieces.push(hex.slice(at, at + piece));
  return pieces.join('+/');
}

/** Undefined for a path that `encodeKey` does not make. */
export function decodeKey(path: Raw): Raw | undefined {
  const raw = Buffer.from(path.replaceAll('+/', ''), 'hex').toString('latin1');
  return raw !== '' && encodeKey(raw) === path ? raw : undefined;
}

/**
 * A fixed length whatever the key's, so that the longest key that has a path has a sidecar too; the content names the
 * key. Keys of one directory share one here, so that those written together are synced together.
 */
export function sidecarPath(raw: Raw): Raw {
  return `${metaDirectory}/${sha256(parentOf(raw)).slice(0, 2)}/${sha256(raw)}.json`;
}

function sha256(raw: Raw): string {
  return hash('sha256', pathOf(raw), 'hex');
}
