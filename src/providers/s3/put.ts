import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { describe } from '../record.ts';
import type { Precondition, PutOptions, StoredCopy } from '../provider.ts';
import { base64ToHex, fullObjectChecksums, hexToBase64 } from './checksums.ts';
import type { S3Checksums } from './checksums.ts';
import type { S3Connection } from './client.ts';
import { withHeaders } from './client.ts';
import { writeDescription } from './descriptions.ts';
import { quoted } from '../etag.ts';
import type { ServerFacts } from './facts.ts';
import { requireVersion } from './head.ts';
import { rules, toContentHeaders } from './metadata.ts';

export async function putObject(
  connection: S3Connection,
  facts: ServerFacts,
  key: Key,
  bytes: Buffer,
  options: PutOptions,
  signal: AbortSignal,
): Promise<StoredCopy> {
  const { metadata, description } = describe(options.attributes, options.record, rules);
  if (description !== undefined) await writeDescription(connection, description, signal);
  const input = {
    Bucket: connection.bucket,
    Key: key,
    Body: bytes,
    Metadata: metadata,
    ...toContentHeaders(options.attributes),
    ...preconditionHeaders(options.precondition),
    ...checksumHeaders(facts, options),
  };
  const answer = await sendPut(connection, input, options, signal);
  const version = requireVersion(connection, key, answer.ETag);
  return { version, size: bytes.length, ...attested(connection, facts, key, options, { ...answer, version }) };
}

type PutInput = ConstructorParameters<S3Connection['sdk']['PutObjectCommand']>[0] & { readonly Key: Key };

async function sendPut(connection: S3Connection, input: PutInput, options: PutOptions, signal: AbortSignal) {
  const { sdk } = connection;
  const headers = { 'x-amz-content-sha256': options.digest.sha256 };
  try {
    return await connection.call({ operation: 'PutObject', key: input.Key }, signal, (sending) =>
      connection.quick(new sdk.PutObjectCommand(withHeaders(input, headers)), sending),
    );
  } catch (error) {
    throw goneIsConflict(error, connection, input.Key, options.precondition);
  }
}

export function preconditionHeaders(precondition: Precondition | undefined): {
  IfNoneMatch?: string;
  IfMatch?: string;
} {
  if (precondition === undefined) return {};
  return 'absent' in precondition ? { IfNoneMatch: '*' } : { IfMatch: quoted(precondition.version) };
}

/** A version that is not there any more is answered with 404, not with 412. */
export function goneIsConflict(
  error: unknown,
  connection: S3Connection,
  key: Key,
  precondition: Precondition | undefined,
): unknown {
  const gone = error instanceof ProviderError && error.code === 'not-found' && !isNoBucket(error);
  if (!gone || precondition === undefined || 'absent' in precondition) return error;
  const message = `${JSON.stringify(key)} in bucket "${connection.bucket}" is not version ${precondition.version} any more: it is gone`;
  return new ProviderError('conflict', message, { provider: connection.name, key, cause: error.cause });
}

function isNoBucket(error: ProviderError): boolean {
  return error.cause instanceof Error && ['NoSuchBucket', 'NoSuchUpload'].includes(error.cause.name);
}

function checksumHeaders(facts: ServerFacts, { digest }: PutOptions): { ChecksumCRC32C?: string; ContentMD5?: string } {
  const { crc32c, md5 } = digest;
  if (facts.putAttestation === 'crc32c' && crc32c !== undefined) return { ChecksumCRC32C: hexToBase64(crc32c) };
  if (facts.putAttestation === 'md5' && md5 !== undefined) return { ContentMD5: hexToBase64(md5) };
  return {};
}

type PutAnswer = S3Checksums & { readonly version: string };

/**
 * The probe showed that the server checks; this answer must show that it still does. An answer that says nothing
 * attests nothing, one that says something else is damage.
 */
function attested(
  connection: S3Connection,
  facts: ServerFacts,
  key: Key,
  { digest }: PutOptions,
  answer: PutAnswer,
): Pick<StoredCopy, 'attested'> {
  const by = facts.putAttestation;
  if (by === 'sha256') return { attested: by };
  if (by === 'md5') return answer.version === digest.md5 ? { attested: by } : {};
  if (by !== 'crc32c' || digest.crc32c === undefined) return {};
  const stored = answer.ChecksumCRC32C === undefined ? undefined : base64ToHex(answer.ChecksumCRC32C);
  if (stored !== undefined && stored !== digest.crc32c) throw storedOtherwise(connection, key, stored, digest.crc32c);
  return fullObjectChecksums(answer).crc32c === digest.crc32c ? { attested: by } : {};
}

export function storedOtherwise(connection: S3Connection, key: Key, stored: string, sent: string): ProviderError {
  const message = `The server stored ${JSON.stringify(key)} in bucket "${connection.bucket}" with CRC32C ${stored}, and ${sent} was sent. It is written again from a good copy`;
  return new ProviderError('checksum-mismatch', message, { provider: connection.name, key });
}
