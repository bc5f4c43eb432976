import { createHash } from 'node:crypto';
import { Crc64Nvme } from '@aws-sdk/crc64-nvme';
import { crc32c } from '@node-rs/crc32';
import { S3Error } from './response.ts';

export type Algorithm = 'crc32c' | 'crc64nvme' | 'sha256';

/** Base64, as on the wire. */
export interface StoredChecksum {
  readonly algorithm: Algorithm;
  readonly value: string;
  readonly type: 'FULL_OBJECT' | 'COMPOSITE';
}

const algorithms: readonly Algorithm[] = ['crc32c', 'crc64nvme', 'sha256'];

export async function compute(algorithm: Algorithm, bytes: Buffer): Promise<string> {
  if (algorithm === 'sha256') return createHash('sha256').update(bytes).digest('base64');
  if (algorithm === 'crc32c') {
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32c(bytes));
    return crc.toString('base64');
  }
  const crc64 = new Crc64Nvme();
  crc64.update(bytes);
  return Buffer.from(await crc64.digest()).toString('base64');
}

export function md5Hex(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}

/** The checksum a request sends along, by header. */
export function sentChecksum(
  headers: Readonly<Record<string, string>>,
): { algorithm: Algorithm; value: string } | undefined {
  for (const algorithm of algorithms) {
    const value = headers[`x-amz-checksum-${algorithm}`];
    if (value !== undefined) return { algorithm, value };
  }
  return undefined;
}

export function checksumHeaders(checksum: StoredChecksum | undefined): Record<string, string> {
  if (checksum === undefined) return {};
  return { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

export function checksumElement(algorithm: Algorithm): string {
  return `Checksum${algorithm.toUpperCase()}`;
}

/** What of a request's bytes is checked: each can be switched off by a fault. */
export interface Checks {
  readonly checksums: boolean;
  readonly md5: boolean;
  readonly payloadHash: boolean;
}

/** @throws S3Error as AWS does when bytes and checksum differ. */
export async function checkBody(
  headers: Readonly<Record<string, string>>,
  body: Buffer,
  checks: Checks,
): Promise<void> {
  const md5 = headers['content-md5'];
  if (checks.md5 && md5 !== undefined && md5 !== Buffer.from(md5Hex(body), 'hex').toString('base64')) {
    throw new S3Error(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
  const payloadHash = headers['x-amz-content-sha256'] ?? '';
  const hashed = /^[0-9a-f]{64}$/.test(payloadHash);
  if (checks.payloadHash && hashed && payloadHash !== createHash('sha256').update(body).digest('hex')) {
    throw new S3Error(
      400,
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  }
  const sent = sentChecksum(headers);
  if (checks.checksums && sent !== undefined && sent.value !== (await compute(sent.algorithm, body))) {
    throw new S3Error(
      400,
      'BadDigest',
      `The ${sent.algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
    );
  }
}
