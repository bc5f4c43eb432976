import type { Checksums } from '../../objects/checksum.ts';
import type { Key } from '../../objects/key.ts';
import type { ObjectInfo } from '../../objects/object.ts';
import type { ContentHeader } from '../description.ts';
import { contentHeaders } from '../description.ts';
import type { Operation } from './errors.ts';
import { fail } from './errors.ts';

/** The parts of the JSON API's object resource that are used (cloud.google.com/storage/docs/json_api/v1/objects#resource). */
export interface Resource {
  readonly name: Key;
  readonly size: number;
  readonly generation: string;
  /** Milliseconds since the epoch. */
  readonly updated: number;
  readonly checksums: Checksums;
  readonly headers: Readonly<Partial<Record<ContentHeader, string>>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Which checksum fields hold what the server computed itself. */
export interface TrustedFields {
  readonly crc32c: boolean;
  readonly md5: boolean;
}

export const listFields = 'name,size,generation,updated,crc32c,md5Hash';
export const headFields = `${listFields},${contentHeaders.join(',')},metadata`;

/** @throws ProviderError `invalid` when what the server said of an object makes no sense. */
export function parseResource(value: unknown, doing: Operation): Resource {
  const raw = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const { name, generation } = raw;
  const size = typeof raw.size === 'string' && /^\d+$/.test(raw.size) ? Number(raw.size) : NaN;
  const updated = typeof raw.updated === 'string' ? Date.parse(raw.updated) : NaN;
  if (typeof name !== 'string' || typeof generation !== 'string' || !/^\d+$/.test(generation)) {
    throw fail('invalid', 'an object in its answer lacks a name or a generation', doing);
  }
  if (!Number.isSafeInteger(size) || Number.isNaN(updated)) {
    throw fail('invalid', `its answer gives ${JSON.stringify(name)} no size or no time`, doing);
  }
  return {
    ...{ name, generation, size, updated },
    checksums: { ...hexed('crc32c', raw.crc32c, 4), ...hexed('md5', raw.md5Hash, 16) },
    // An empty header is as good as none, and some servers send it for none.
    headers: textsOf(Object.fromEntries(contentHeaders.map((header) => [header, raw[header] || undefined]))),
    metadata: textsOf(raw.metadata),
  };
}

export function infoOf(resource: Resource, trusted: TrustedFields): ObjectInfo {
  const { crc32c, md5 } = resource.checksums;
  const checksums = {
    ...(trusted.crc32c && crc32c !== undefined ? { crc32c } : {}),
    ...(trusted.md5 && md5 !== undefined ? { md5 } : {}),
  };
  return {
    ...{ key: resource.name, size: resource.size, version: resource.generation, modifiedAt: resource.updated },
    ...(Object.keys(checksums).length === 0 ? {} : { checksums }),
  };
}

/** Cloud Storage writes checksums as base64 of their big-endian bytes. */
export function toBase64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

function hexed(name: 'crc32c' | 'md5', value: unknown, bytes: number): Checksums {
  if (typeof value !== 'string') return {};
  const decoded = Buffer.from(value, 'base64');
  return decoded.length === bytes ? { [name]: decoded.toString('hex') } : {};
}

function textsOf(value: unknown): Record<string, string> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
