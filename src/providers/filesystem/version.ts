import type { BigIntStats } from 'node:fs';
import type { Key } from '../../objects/key.ts';
import type { ObjectInfo } from '../../objects/object.ts';

/** A write moves at least the change time; a program that sets the modification time back cannot hide behind it. */
export function versionOf(found: BigIntStats): string {
  return `${found.size}-${found.mtimeNs}-${found.ctimeNs}`;
}

export function infoOf(key: Key, found: BigIntStats): ObjectInfo {
  return {
    key,
    size: Number(found.size),
    version: versionOf(found),
    modifiedAt: Number(found.mtimeNs / 1_000_000n),
  };
}
