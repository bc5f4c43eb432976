import { createHash, type Hash } from 'node:crypto';
import { crc32c } from '@node-rs/crc32';
import type { ChecksumAlgorithm, Checksums, Digest } from '../objects/checksum.ts';
import { createCrc64, type Crc64 } from './crc64.ts';

/** Hashes bytes in order: SHA-256 always, other algorithms where a provider wants them (MD5 is the dear one). */
export class Hasher {
  readonly #sha256: Hash = createHash('sha256');
  readonly #md5: Hash | undefined;
  readonly #crc64: Crc64 | undefined;
  #crc32c: number | undefined;

  private constructor(wanted: ReadonlySet<ChecksumAlgorithm>, crc64: Crc64 | undefined) {
    this.#crc64 = crc64;
    if (wanted.has('md5')) this.#md5 = createHash('md5');
    if (wanted.has('crc32c')) this.#crc32c = 0;
  }

  static async create(algorithms: Iterable<ChecksumAlgorithm>): Promise<Hasher> {
    const wanted = new Set(algorithms);
    return new Hasher(wanted, wanted.has('crc64nvme') ? await createCrc64() : undefined);
  }

  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#md5?.update(bytes);
    this.#crc64?.update(bytes);
    if (this.#crc32c !== undefined) this.#crc32c = crc32c(bytes, this.#crc32c);
  }

  /** SHA-256 (hex) of what came so far. Costs next to nothing: the state is copied, no byte is hashed again. */
  sha256SoFar(): string {
    return this.#sha256.copy().digest('hex');
  }

  /** Ends the hasher. */
  digest(): Digest {
    return {
      sha256: this.#sha256.digest('hex'),
      ...(this.#md5 === undefined ? {} : { md5: this.#md5.digest('hex') }),
      ...(this.#crc64 === undefined ? {} : { crc64nvme: this.#crc64.digest() }),
      ...(this.#crc32c === undefined ? {} : { crc32c: hex32(this.#crc32c) }),
    };
  }
}

export async function digestOf(bytes: Uint8Array, algorithms: Iterable<ChecksumAlgorithm>): Promise<Digest> {
  const hasher = await Hasher.create(algorithms);
  hasher.update(bytes);
  return hasher.digest();
}

/** Only the algorithms asked for (no SHA-256 unless named): the checksums of one part. */
export async function checksumsOf(bytes: Uint8Array, algorithms: readonly ChecksumAlgorithm[]): Promise<Checksums> {
  if (algorithms.includes('sha256')) return await digestOf(bytes, algorithms);
  const result: Partial<Record<ChecksumAlgorithm, string>> = {};
  for (const algorithm of algorithms) {
    if (algorithm === 'crc32c') result.crc32c = hex32(crc32c(bytes, 0));
    if (algorithm === 'md5') result.md5 = createHash('md5').update(bytes).digest('hex');
    if (algorithm === 'crc64nvme') result.crc64nvme = await crc64Of(bytes);
  }
  return result;
}

async function crc64Of(bytes: Uint8Array): Promise<string> {
  const crc = await createCrc64();
  crc.update(bytes);
  return crc.digest();
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
