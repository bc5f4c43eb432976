import type { Checksums } from '../../objects/checksum.ts';
import type { Key } from '../../objects/key.ts';
import type { ObjectInfo } from '../../objects/object.ts';
import type { ContentHeader } from '../description.ts';
import { contentHeaders } from '../description.ts';
import type { Operation } from './errors.ts';
import { fail } from './errors.ts';

/** The parts of the JSON API's object resource that are used (cloud.google.com/storage/docs/json_api/v1/objects#resource). */
export interface Resource extends ListedResource {
  readonly headers: Readonly<Partial<Record<ContentHeader, string>>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a listing tells of an object. */
interface ListedResource {
  readonly name: Key;
  readonly size: number;
  readonly generation: string;
  /** Milliseconds since the epoch. */
  readonly updated: number;
  readonly checksums: Checksums;
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
  const raw = recordOf(value);
  return {
    ...parseListed(raw, doing),
    // An empty header is as good as none, and some servers send it for none.
    headers: textsOf(Object.fromEntries(contentHeaders.map((header) => [header, raw[header] || undefined]))),
    metadata: textsOf(raw.metadata),
  };
}

/** One item of a listing. @throws ProviderError `invalid` as `parseResource` does. */
export function parseInfo(value: unknown, trusted: TrustedFields, doing: Operation): ObjectInfo {
  return infoOf(parseListed(recordOf(value), doing), trusted);
}

export function infoOf(listed: ListedResource, trusted: TrustedFields): ObjectInfo {
  const { name: key, size, generation: version, updated: modifiedAt } = listed;
  const crc32c = trusted.crc32c ? listed.checksums.crc32c : undefined;
  const md5 = trusted.md5 ? listed.checksums.md5 : undefined;
  const info = { key, size, version, modifiedAt };
  return crc32c === undefined && md5 === undefined ? info : { ...info, checksums: checksumsOf(crc32c, md5) };
}

function parseListed(raw: Record<string, unknown>, doing: Operation): ListedResource {
  const { name, generation } = raw;
  const size = typeof raw.size === 'string' && /^\d+$/.test(raw.size) ? Number(raw.size) : NaN;
  const updated = typeof raw.updated === 'string' ? Date.parse(raw.updated) : NaN;
  if (typeof name !== 'string' || typeof generation !== 'string' || !/^\d+$/.test(generation)) {
    throw fail('invalid', 'an object in its answer lacks a name or a generation', doing);
  }
  if (!Number.isSafeInteger(size) || Number.isNaN(updated)) {
    throw fail('invalid', `its answer gives ${JSON.stringify(name)} no size or no time`, doing);
  }
  return { name, generation, size, updated, checksums: checksumsOf(hexed(raw.crc32c, 4), hexed(raw.md5Hash, 16)) };
}

function checksumsOf(crc32c: string | undefined, md5: string | undefined): Checksums {
  if (crc32c === undefined) return md5 === undefined ? {} : { md5 };
  return md5 === undefined ? { crc32c } : { crc32c, md5 };
}

function recordOf(value: unknown): Record<string, unknown> {
  return (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
}

/** Cloud Storage writes checksums as base64 of their big-endian bytes. */
export function toBase64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

function hexed(value: unknown, bytes: number): string | undefined {
  if (typeof value !== 'string') return undefined;
  const decoded = Buffer.from(value, 'base64');
  return decoded.length === bytes ? decoded.toString('hex') : undefined;
}

function textsOf(value: unknown): Record<string, string> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
