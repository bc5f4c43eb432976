import { createHash } from 'node:crypto';
import { Crc64Nvme } from '@aws-sdk/crc64-nvme';
import { crc32c } from '@node-rs/crc32';
import type { Digest } from '../../src/objects/checksum.ts';

/** Every checksum of the vocabulary over `bytes`, computed apart from the code under test. */
export async function digestOf(bytes: Uint8Array): Promise<Required<Digest>> {
  const crc64 = new Crc64Nvme();
  crc64.update(bytes);
  return {
    sha256: createHash('sha256').update(bytes).digest('hex'),
    md5: createHash('md5').update(bytes).digest('hex'),
    crc32c: crc32c(bytes).toString(16).padStart(8, '0'),
    crc64nvme: Buffer.from(await crc64.digest()).toString('hex'),
  };
}
