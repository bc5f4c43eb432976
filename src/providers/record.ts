import { createHash } from 'node:crypto';
import { isoTime } from '../objects/iso-time.ts';
import type { Attributes, CopyRecord } from '../objects/object.ts';
import type { Checksums } from '../objects/checksum.ts';

/**
 * How a copy describes itself at a provider whose metadata is a small map of strings (S3, GCS, Azure).
 *
 * The user's metadata is stored under its own names wherever they fit; beside it stand Holdfast's entries. What
 * the map cannot hold faithfully (names or values the provider would change, too many bytes, a digest that is
 * not known yet when an upload begins) goes into a description: a small JSON object below
 * `.holdfast/descriptions/`, written before the object becomes visible and named in its metadata.
 */
export interface Description {
  readonly record?: CopyRecord;
  readonly attributes?: Attributes;
}

export interface MetadataRules {
  /** Bytes that all names and values together may take. */
  readonly maxBytes: number;
  /** Whether the provider returns this name and value exactly as they were given. */
  faithful(name: string, value: string): boolean;
  /** Holdfast's own entries are named `holdfast<separator>sha256` and so on (Azure's names are C# identifiers). */
  readonly separator: '-' | '_';
  /**
   * Whether the provider makes up a content type for an object written without one. An entry then says so, for
   * the sake of sources that have none (filesystems); the provider leaves out the content type it finds it with.
   */
  readonly inventsContentType?: boolean;
}

export interface NativeMetadata {
  readonly metadata: Record<string, string>;
  /** To be stored as a description, under the id already named in `metadata`, before the object is. */
  readonly description?: { readonly id: string; readonly content: Description };
}

const entries = {
  sha256: 'sha256',
  size: 'size',
  sourceVersion: 'source-version',
  sourceModifiedAt: 'source-modified',
  crc32c: 'crc32c',
  crc64nvme: 'crc64nvme',
  md5: 'md5',
  description: 'description',
  /** `none`: the source's object had no content type. */
  contentType: 'content-type',
} as const;

const checksumNames = ['crc32c', 'crc64nvme', 'md5'] as const;

/** Metadata for a write whose digest is known: a put, or an upload whose metadata is sent on completion. */
export function describe(attributes: Attributes, record: CopyRecord, rules: MetadataRules): NativeMetadata {
  const own = { ...recordEntries(record, rules), ...contentTypeEntry(attributes, rules) };
  const metadata = { ...attributes.metadata, ...own };
  if (holdsHeaders(attributes) && fits(attributes.metadata, metadata, rules)) return { metadata };
  const content = { attributes };
  const id = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32);
  return {
    metadata: { ...faithfulPart(attributes.metadata, { ...own, [ownName('description', rules)]: id }, rules) },
    description: { id, content },
  };
}

/**
 * Metadata for an upload whose digest is not known yet. The caller stores `{record, attributes}` under `id`
 * before it completes the upload; without that object the copy describes nothing, which is safe.
 */
export function describeLater(attributes: Attributes, id: string, rules: MetadataRules): Record<string, string> {
  return faithfulPart(attributes.metadata, { [ownName('description', rules)]: id }, rules);
}

/** The content headers that can be sent as they are: printable ASCII. What is left out is in the description. */
export function nativeHeaders(attributes: Attributes): Omit<Attributes, 'metadata'> {
  const { metadata: _, ...headers } = attributes;
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => isHeaderValue(value)));
}

/** Splits what a provider returned into the user's metadata, the record, and the id of a description still to be fetched. */
export function parseMetadata(
  native: Readonly<Record<string, string>>,
  rules: MetadataRules,
): { metadata: Record<string, string>; record?: CopyRecord; descriptionId?: string; noContentType?: true } {
  const metadata: Record<string, string> = {};
  const own = new Map<string, string>();
  for (const [name, value] of Object.entries(native)) {
    const mine = ownEntry(name, rules);
    if (mine === undefined) metadata[name] = value;
    else own.set(mine, value);
  }
  const record = parseRecord(own);
  const descriptionId = own.get(entries.description);
  return {
    metadata,
    ...(record === undefined ? {} : { record }),
    ...(descriptionId !== undefined && /^[0-9a-f]{32}$/.test(descriptionId) ? { descriptionId } : {}),
    ...(own.get(entries.contentType) === 'none' ? { noContentType: true } : {}),
  };
}

function contentTypeEntry({ contentType }: Attributes, rules: MetadataRules): Record<string, string> {
  if (contentType !== undefined || rules.inventsContentType !== true) return {};
  return { [ownName('contentType', rules)]: 'none' };
}

function recordEntries(record: CopyRecord, rules: MetadataRules): Record<string, string> {
  const result: Record<string, string> = {
    [ownName('sha256', rules)]: record.sha256,
    [ownName('size', rules)]: String(record.size),
    // Percent-encoded: a source's version is opaque and may hold what a header cannot.
    [ownName('sourceVersion', rules)]: encodeURIComponent(record.sourceVersion),
    [ownName('sourceModifiedAt', rules)]: isoTime(record.sourceModifiedAt),
  };
  for (const name of checksumNames) {
    const value = record.checksums[name];
    if (value !== undefined) result[ownName(name, rules)] = value;
  }
  return result;
}

function parseRecord(own: ReadonlyMap<string, string>): CopyRecord | undefined {
  const sha256 = own.get(entries.sha256);
  const size = Number(own.get(entries.size));
  const sourceVersion = own.get(entries.sourceVersion);
  const sourceModifiedAt = Date.parse(own.get(entries.sourceModifiedAt) ?? '');
  if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256) || sourceVersion === undefined) return undefined;
  if (!Number.isSafeInteger(size) || size < 0 || Number.isNaN(sourceModifiedAt)) return undefined;
  const version = decodeVersion(sourceVersion);
  if (version === undefined) return undefined;
  return { sha256, size, sourceVersion: version, sourceModifiedAt, checksums: parseChecksums(own, sha256) };
}

function parseChecksums(own: ReadonlyMap<string, string>, sha256: string): Checksums {
  const result: Record<string, string> = { sha256 };
  for (const name of checksumNames) {
    const value = own.get(name);
    if (value !== undefined && /^[0-9a-f]+$/.test(value)) result[name] = value;
  }
  return result;
}

function decodeVersion(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function holdsHeaders(attributes: Attributes): boolean {
  const { metadata: _, ...headers } = attributes;
  return Object.values(headers).every(isHeaderValue);
}

/** Printable ASCII without space at its ends: what passes through any HTTP header unchanged. */
export function isHeaderValue(value: string): boolean {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value);
}

function fits(
  user: Readonly<Record<string, string>>,
  all: Readonly<Record<string, string>>,
  rules: MetadataRules,
): boolean {
  return bytesOf(all) <= rules.maxBytes && Object.entries(user).every(([name, value]) => mayStand(name, value, rules));
}

/** Holdfast's entries first, then as many of the user's as are faithful and fit. */
function faithfulPart(
  user: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
  rules: MetadataRules,
): Record<string, string> {
  const result: Record<string, string> = { ...own };
  let bytes = bytesOf(own);
  for (const [name, value] of Object.entries(user)) {
    const more = Buffer.byteLength(name) + Buffer.byteLength(value);
    if (!mayStand(name, value, rules) || bytes + more > rules.maxBytes) continue;
    result[name] = value;
    bytes += more;
  }
  return result;
}

function mayStand(name: string, value: string, rules: MetadataRules): boolean {
  return ownEntry(name, rules) === undefined && rules.faithful(name, value);
}

function bytesOf(metadata: Readonly<Record<string, string>>): number {
  let sum = 0;
  for (const [name, value] of Object.entries(metadata)) sum += Buffer.byteLength(name) + Buffer.byteLength(value);
  return sum;
}

function ownName(entry: keyof typeof entries, rules: MetadataRules): string {
  return `holdfast-${entries[entry]}`.replaceAll('-', rules.separator);
}

function ownEntry(name: string, rules: MetadataRules): string | undefined {
  const plain = name.toLowerCase().replaceAll(rules.separator, '-');
  if (!plain.startsWith('holdfast-')) return undefined;
  const entry = plain.slice('holdfast-'.length);
  return Object.values<string>(entries).includes(entry) ? entry : undefined;
}
