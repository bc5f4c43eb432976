import type { ChecksumAlgorithm, Checksums } from '../../objects/checksum.ts';

/** What S3 answers about checksums: base64, and whether they cover the object or only its parts' checksums. */
export interface S3Checksums {
  readonly ChecksumCRC32C?: string | undefined;
  readonly ChecksumCRC64NVME?: string | undefined;
  readonly ChecksumSHA256?: string | undefined;
  readonly ChecksumType?: string | undefined;
}

export function hexToBase64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

export function base64ToHex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}

/** Checksums over all bytes of the object; those over parts (`COMPOSITE`, or with a suffix `-n`) are left out. */
export function fullObjectChecksums(answer: S3Checksums): Checksums {
  if (answer.ChecksumType !== undefined && answer.ChecksumType !== 'FULL_OBJECT') return {};
  return {
    ...wholeHex('crc32c', answer.ChecksumCRC32C),
    ...wholeHex('crc64nvme', answer.ChecksumCRC64NVME),
    ...wholeHex('sha256', answer.ChecksumSHA256),
  };
}

function wholeHex(algorithm: ChecksumAlgorithm, base64: string | undefined): Checksums {
  if (base64 === undefined || base64 === '' || base64.includes('-')) return {};
  return { [algorithm]: base64ToHex(base64) };
}

/** What an upload is begun with: parts may then be checked one by one, and the whole once more on completion. */
export const wholeCrc32c = { ChecksumAlgorithm: 'CRC32C', ChecksumType: 'FULL_OBJECT' } as const;
