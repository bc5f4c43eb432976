import { createHash, randomBytes } from 'node:crypto';
import type { PutObjectCommandInput } from '@aws-sdk/client-s3';
import { crc32c } from '@node-rs/crc32';
import type { Key } from '../../objects/key.ts';
import { fullObjectChecksums, hexToBase64 } from './checksums.ts';
import type { S3Connection } from './client.ts';
import { withHeaders } from './client.ts';
import { versionOf } from '../etag.ts';
import type { ServerFacts } from './facts.ts';
import { requestHead } from './head.ts';
import { attempt, isCaught } from './attempt.ts';

/** A canary's bytes, never the same twice, and their true checksums. */
export interface Canary {
  readonly bytes: Buffer;
  readonly crc32c: string;
  readonly md5: string;
  readonly sha256: string;
}

export function newCanary(): Canary {
  const bytes = randomBytes(64);
  return {
    bytes,
    crc32c: crc32c(bytes).toString(16).padStart(8, '0'),
    md5: createHash('md5').update(bytes).digest('hex'),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

/** Another value than `hex`, as long as it. */
export function wrong(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString('hex');
}

type Attestation = Pick<ServerFacts, 'putAttestation'>;

/** The strongest that holds, tried in the order of what it costs later. */
export async function probePut(connection: S3Connection, key: Key, signal: AbortSignal): Promise<Attestation> {
  if (await checksCrc32c(connection, key, signal)) return { putAttestation: 'crc32c' };
  if (await checksMd5(connection, key, signal)) return { putAttestation: 'md5' };
  if (await checksPayloadHash(connection, key, signal)) return { putAttestation: 'sha256' };
  return {};
}

/** Refuses a wrong one, and says what it stored with the right one, at once and when asked later. */
async function checksCrc32c(connection: S3Connection, key: Key, signal: AbortSignal): Promise<boolean> {
  const canary = newCanary();
  const sent = await put(connection, key, canary, { ChecksumCRC32C: hexToBase64(wrong(canary.crc32c)) }, signal);
  const stored = await put(connection, key, canary, { ChecksumCRC32C: hexToBase64(canary.crc32c) }, signal);
  if (!isCaught(sent) || !('accepted' in stored)) return false;
  if (fullObjectChecksums(stored.accepted).crc32c !== canary.crc32c) return false;
  const head = await attempt(requestHead(connection, key, signal));
  return 'accepted' in head && fullObjectChecksums(head.accepted).crc32c === canary.crc32c;
}

async function checksMd5(connection: S3Connection, key: Key, signal: AbortSignal): Promise<boolean> {
  const canary = newCanary();
  const sent = await put(connection, key, canary, { ContentMD5: hexToBase64(wrong(canary.md5)) }, signal);
  if (!isCaught(sent)) return false;
  const stored = await put(connection, key, canary, { ContentMD5: hexToBase64(canary.md5) }, signal);
  return 'accepted' in stored && versionOf(stored.accepted.ETag ?? '') === canary.md5;
}

/** Some servers check the hash that the signature covers, and no other. */
async function checksPayloadHash(connection: S3Connection, key: Key, signal: AbortSignal): Promise<boolean> {
  const canary = newCanary();
  const sent = await put(connection, key, { ...canary, sha256: wrong(canary.sha256) }, {}, signal, true);
  if (!isCaught(sent)) return false;
  return 'accepted' in (await put(connection, key, canary, {}, signal));
}

/** Whether `If-None-Match: *` keeps a canary that is there. */
export async function probeConditions(connection: S3Connection, key: Key, signal: AbortSignal): Promise<boolean> {
  const outcome = await put(connection, key, newCanary(), { IfNoneMatch: '*' }, signal);
  return 'refused' in outcome && outcome.refused.code === 'conflict';
}

/** Whether `If-Match` keeps a canary of another version; most compatible servers ignore it on a delete. */
export async function probeDelete(
  { client, sdk, bucket, call }: S3Connection,
  key: Key,
  signal: AbortSignal,
): Promise<boolean> {
  const input = { Bucket: bucket, Key: key, IfMatch: `"${newCanary().md5}"` };
  const deleting = call({ operation: 'DeleteObject', key }, signal, (options) =>
    client.send(new sdk.DeleteObjectCommand(input), options),
  );
  // Credentials that may not delete are a good idea for a target.
  const outcome = await attempt(deleting, { deniedIsAnswer: true });
  return 'refused' in outcome && outcome.refused.code === 'conflict';
}

function put(
  { client, sdk, bucket, call }: S3Connection,
  key: Key,
  { bytes, sha256 }: Canary,
  more: Partial<PutObjectCommandInput>,
  signal: AbortSignal,
  deniedIsAnswer = false,
) {
  const input = { Bucket: bucket, Key: key, Body: bytes, ...more };
  return attempt(
    call({ operation: 'PutObject', key }, signal, (options) =>
      client.send(new sdk.PutObjectCommand(withHeaders(input, { 'x-amz-content-sha256': sha256 })), options),
    ),
    { deniedIsAnswer },
  );
}
