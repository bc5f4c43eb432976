import type { StoredChecksum } from './checksums.ts';
import { md5Hex } from './checksums.ts';
import { S3Error } from './response.ts';

/** An object as it lies in the fake's memory. Tests may change it behind the server's back. */
export interface StoredObject {
  bytes: Buffer;
  /** Without quotes. */
  etag: string;
  modifiedAt: Date;
  /** Content headers and `x-amz-meta-…`, by lower-case name. */
  headers: Record<string, string>;
  checksum?: StoredChecksum;
}

export interface StoredPart {
  readonly bytes: Buffer;
  readonly etag: string;
  /** As it was sent and checked. */
  readonly checksum?: Pick<StoredChecksum, 'algorithm' | 'value'>;
}

export interface StoredUpload {
  readonly key: string;
  readonly startedAt: Date;
  readonly headers: Record<string, string>;
  readonly checksum?: Pick<StoredChecksum, 'algorithm' | 'type'>;
  readonly parts: Map<number, StoredPart>;
}

export interface Bucket {
  readonly objects: Map<string, StoredObject>;
  readonly uploads: Map<string, StoredUpload>;
}

export function newBucket(): Bucket {
  return { objects: new Map(), uploads: new Map() };
}

/** An object as a foreign program would have put it: no metadata, no checksum but the one AWS adds. */
export function plainObject(bytes: Buffer): StoredObject {
  return { bytes, etag: md5Hex(bytes), modifiedAt: new Date(), headers: {} };
}

const contentHeaders = ['content-type', 'cache-control', 'content-encoding', 'content-disposition', 'content-language'];

/** @throws S3Error MetadataTooLarge above 2 KB, names and values together. */
export function storedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'));
  const bytes = metadata.reduce(
    (sum, [name, value]) => sum + name.length - 'x-amz-meta-'.length + Buffer.byteLength(value),
    0,
  );
  if (bytes > 2048)
    throw new S3Error(400, 'MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size');
  const content = contentHeaders.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]]));
  return Object.fromEntries([['content-type', 'binary/octet-stream'], ...content, ...metadata]) as Record<
    string,
    string
  >;
}
