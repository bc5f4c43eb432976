import type { Digest } from '../../objects/checksum.ts';
import type { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { CopyRecord } from '../../objects/object.ts';
import type { Part, ResumedUpload, StoredCopy, UploadOptions } from '../provider.ts';
import type { MemoryProvider } from './memory.ts';

/** Strict about the shape of parts, so that a caller who cuts them wrongly is found out here and not at a real provider. */
export class MemoryUpload implements ResumedUpload {
  readonly checkpoint: string;
  readonly #provider: MemoryProvider;
  readonly #key: Key;
  readonly #options: UploadOptions;

  constructor(provider: MemoryProvider, key: Key, options: UploadOptions, checkpoint: string) {
    this.#provider = provider;
    this.#key = key;
    this.#options = options;
    this.checkpoint = checkpoint;
  }

  async part(part: Part, signal: AbortSignal): Promise<void> {
    const parts = this.#parts(signal);
    this.#checkShape(part, parts);
    if (this.#provider.capabilities.attests.upload?.endsWith('part')) {
      this.#provider.verify(this.#key, part.bytes, part.checksums);
    }
    parts.set(part.number, Buffer.from(part.bytes));
  }

  async keep({ number, bytes }: Part, signal: AbortSignal): Promise<boolean> {
    return this.#parts(signal).get(number)?.equals(bytes) === true;
  }

  async complete(digest: Digest, record: CopyRecord, signal: AbortSignal): Promise<StoredCopy> {
    const parts = this.#parts(signal);
    const { size, attributes, precondition } = this.#options;
    const count = countOf(this.#options);
    if (parts.size !== count) throw this.#invalid(`${parts.size} of ${count} parts came.`);
    const numbers = [...parts.keys()].sort((a, b) => a - b);
    const bytes = Buffer.concat(numbers.map((number) => parts.get(number) ?? Buffer.of()));
    const attested = this.#provider.capabilities.attests.upload;
    const checksums = attested === 'crc32c' ? this.#provider.verify(this.#key, bytes, digest) : {};
    const { version } = this.#provider.commit(this.#key, { bytes, attributes, record, checksums }, precondition);
    this.#provider.bucket.uploads.delete(this.checkpoint);
    return { version, size, ...(attested && { attested }) };
  }

  async abort(signal: AbortSignal): Promise<void> {
    this.#provider.check(signal, this.#key);
    this.#provider.bucket.uploads.delete(this.checkpoint);
  }

  async leave(): Promise<void> {}

  #parts(signal: AbortSignal): Map<number, Buffer> {
    this.#provider.check(signal, this.#key);
    const found = this.#provider.bucket.uploads.get(this.checkpoint);
    if (found === undefined) throw this.#invalid('The upload is over.');
    return found.parts;
  }

  #checkShape({ number, offset, bytes }: Part, parts: ReadonlyMap<number, Buffer>): void {
    const { size, partSize } = this.#options;
    const expected = { offset: (number - 1) * partSize, length: Math.min(partSize, size - (number - 1) * partSize) };
    const fits = offset === expected.offset && bytes.length === expected.length;
    if (number < 1 || number > countOf(this.#options) || !fits) {
      throw this.#invalid(`Part ${number} at ${offset} of ${bytes.length} bytes does not fit.`);
    }
    const { order } = this.#provider.capabilities.limits.part;
    if (order === 'sequential' && number > parts.size + 1) throw this.#invalid(`Part ${number} came too early.`);
  }

  #invalid(message: string): ProviderError {
    return this.#provider.error('invalid', message, this.#key);
  }
}

/** @throws ProviderError `invalid` for an upload that the provider's limits do not allow. */
export function requireShape(provider: MemoryProvider, key: Key, options: UploadOptions): void {
  const { part, maxObjectSize } = provider.capabilities.limits;
  const { size, partSize } = options;
  const invalid = (message: string): ProviderError => provider.error('invalid', message, key);
  const count = countOf(options);
  if (size > maxObjectSize) throw invalid(`${size} bytes are too many.`);
  if (count > part.maxCount) throw invalid(`${count} parts are too many.`);
  if (count > 1 && partSize < part.min) throw invalid(`Parts of ${partSize} are too small.`);
  if (partSize > part.max) throw invalid(`Parts of ${partSize} bytes are too large.`);
  if (count > 1 && partSize % part.multipleOf !== 0) {
    throw invalid(`${partSize} is no multiple of ${part.multipleOf}.`);
  }
}

function countOf({ size, partSize }: UploadOptions): number {
  return Math.ceil(size / partSize);
}
