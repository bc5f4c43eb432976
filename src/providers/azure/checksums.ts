import type { Checksums } from '../../objects/checksum.ts';

/** The checksums that Azure can check while bytes arrive; only one of them per request. Cheapest first. */
export const transactional = ['crc64nvme', 'md5'] as const;

export type Transactional = (typeof transactional)[number];

/** The request options that carry a checksum, and the fields of an answer that carry it back. */
export interface SentChecksum {
  readonly transactionalContentCrc64?: Uint8Array;
  readonly transactionalContentMD5?: Uint8Array;
}

export interface EchoedChecksum {
  readonly xMsContentCrc64?: Uint8Array;
  readonly contentMD5?: Uint8Array;
}

/**
 * Azure's CRC64 is CRC-64/NVME, sent with its least significant byte first: the SDK takes the bytes as they go on the
 * wire, ours is big-endian hex. (Azurite #2644; measured: the other order is refused with Crc64Mismatch.)
 */
export function sent(algorithm: Transactional | undefined, checksums: Checksums): SentChecksum {
  const value = algorithm === undefined ? undefined : checksums[algorithm];
  if (value === undefined) return {};
  const bytes = Buffer.from(value, 'hex');
  return algorithm === 'md5' ? { transactionalContentMD5: bytes } : { transactionalContentCrc64: bytes.reverse() };
}

/**
 * Whether the service says that what it stored has the checksum we sent. Absent proves nothing.
 * Computed by the service, "not necessarily the same value specified in the request headers" (Put Blob, Put Block).
 */
export function echoed(
  algorithm: Transactional | undefined,
  checksums: Checksums,
  answer: EchoedChecksum,
): 'equal' | 'different' | 'absent' {
  const expected = sent(algorithm, checksums);
  const ours = expected.transactionalContentMD5 ?? expected.transactionalContentCrc64;
  const theirs = algorithm === 'md5' ? answer.contentMD5 : answer.xMsContentCrc64;
  if (ours === undefined || theirs === undefined || theirs.length === 0) return 'absent';
  return Buffer.from(theirs).equals(ours) ? 'equal' : 'different';
}
