import type { Checksums } from '../../objects/checksum.ts';
import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { ObjectHead } from '../../objects/object.ts';
import { describedHead } from '../description.ts';
import { parseMetadata } from '../record.ts';
import type { S3Checksums } from './checksums.ts';
import { fullObjectChecksums } from './checksums.ts';
import type { S3Connection } from './client.ts';
import { readDescription } from './descriptions.ts';
import { versionOf } from '../etag.ts';
import { isMd5 } from './etag.ts';
import type { ServerFacts } from './facts.ts';
import { fromContentHeaders, rules } from './metadata.ts';
import type { ContentHeaders } from './metadata.ts';

/** The headers that HEAD and GET answer with, as the SDK names them. */
export interface ObjectHeaders extends S3Checksums, ContentHeaders {
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly VersionId?: string | undefined;
  readonly Metadata?: Record<string, string> | undefined;
  readonly ServerSideEncryption?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
}

export async function headObject(
  connection: S3Connection,
  facts: ServerFacts,
  key: Key,
  signal: AbortSignal,
): Promise<ObjectHead> {
  const answer = await requestHead(connection, key, signal);
  return toHead(connection, facts, key, answer, answer.ContentLength, signal);
}

export function requestHead(connection: S3Connection, key: Key, signal: AbortSignal, versionId?: string) {
  const { sdk, bucket } = connection;
  const which = versionId === undefined ? {} : { VersionId: versionId };
  const input = { Bucket: bucket, Key: key, ChecksumMode: 'ENABLED', ...which } as const;
  return connection.call({ operation: 'HeadObject', key }, signal, (options) =>
    connection.quick(new sdk.HeadObjectCommand(input), options),
  );
}

/** @param size of the whole object, whatever part of it the answer carries. */
export async function toHead(
  connection: S3Connection,
  facts: ServerFacts,
  key: Key,
  headers: ObjectHeaders,
  size: number | undefined,
  signal: AbortSignal,
): Promise<ObjectHead> {
  const { metadata, record, descriptionId, noContentType } = parseMetadata(headers.Metadata ?? {}, rules);
  const description =
    descriptionId === undefined ? undefined : await readDescription(connection, descriptionId, signal);
  const attributes = { ...fromContentHeaders(noContentType ? untyped(headers) : headers), metadata };
  const info = {
    key,
    size: size ?? missing(connection, key, 'Content-Length'),
    version: requireVersion(connection, key, headers.ETag),
    modifiedAt: wholeSeconds(headers.LastModified?.getTime()),
    ...nonEmpty(trustedChecksums(facts, headers)),
  };
  const head = describedHead(info, { attributes, ...(record !== undefined && { record }) }, description);
  const versionId = lastingId(headers);
  return { ...head, ...(versionId !== undefined && { versionId }) };
}

/**
 * The id by which an object stays readable once it is replaced, even if the bucket's versioning is suspended meanwhile.
 * `null` is the id of what was written while it was not on: the next such write takes its place.
 */
export function lastingId({ VersionId: id }: Pick<ObjectHeaders, 'VersionId'>): string | undefined {
  return id === undefined || id === '' || id === 'null' ? undefined : id;
}

function untyped(headers: ContentHeaders): ContentHeaders {
  return { ...headers, ContentType: undefined };
}

/** Of milliseconds since the epoch. HEAD can say whole seconds only; listings of some servers say more. Both are cut to what both can say. */
export function wholeSeconds(time: number | undefined): number {
  return time !== undefined && Number.isFinite(time) ? Math.floor(time / 1000) * 1000 : 0;
}

/** @throws ProviderError `invalid`: without an ETag nothing tells whether an object changed. */
export function requireVersion(connection: S3Connection, key: Key, etag: string | undefined): string {
  const version = versionOf(etag ?? '');
  return version === '' ? missing(connection, key, 'ETag') : version;
}

/** Of a probed server only what the probe saw it check; of a source all that covers the whole object. */
export function trustedChecksums(facts: ServerFacts, headers: ObjectHeaders): Checksums {
  const reported = fullObjectChecksums(headers);
  if (!facts.probed) return reported;
  const { crc32c } = reported;
  const proven = facts.putAttestation === 'crc32c' || facts.uploadAttestation === 'crc32c';
  return {
    ...(proven && crc32c !== undefined ? { crc32c } : {}),
    ...(facts.putAttestation === 'md5' ? md5Of(headers) : {}),
  };
}

/** An ETag is the MD5 of the bytes only without a part count and without customer or KMS keys. */
function md5Of({ ETag, ServerSideEncryption, SSECustomerAlgorithm }: ObjectHeaders): Checksums {
  const version = versionOf(ETag ?? '');
  const plain = SSECustomerAlgorithm === undefined && ServerSideEncryption?.startsWith('aws:kms') !== true;
  return plain && isMd5(version) ? { md5: version } : {};
}

function nonEmpty(checksums: Checksums): { checksums?: Checksums } {
  return Object.keys(checksums).length === 0 ? {} : { checksums };
}

function missing(connection: S3Connection, key: Key, header: string): never {
  throw new ProviderError(
    'invalid',
    `The server answered without ${header} for ${JSON.stringify(key)} in bucket "${connection.bucket}", so the object cannot be told from another version. Check the server or a proxy in front of it`,
    { provider: connection.name, key },
  );
}
