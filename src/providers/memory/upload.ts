import type { Digest } from '../../objects/checksum.ts';
import type { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { CopyRecord } from '../../objects/object.ts';
import type { Part, StoredCopy, Upload, UploadOptions } from '../provider.ts';
import type { MemoryProvider } from './memory.ts';

/** Strict about the shape of parts, so that a caller who cuts them wrongly is found out here and not at a real provider. */
export class MemoryUpload implements Upload {
  readonly #provider: MemoryProvider;
  readonly #key: Key;
  readonly #options: UploadOptions;
  readonly #parts = new Map<number, Buffer>();
  #open = true;

  constructor(provider: MemoryProvider, key: Key, options: UploadOptions) {
    this.#provider = provider;
    this.#key = key;
    this.#options = options;
    const { part, maxObjectSize } = provider.capabilities.limits;
    const count = this.#count();
    if (options.size > maxObjectSize) throw this.#invalid(`${options.size} bytes are too many.`);
    if (count > part.maxCount) throw this.#invalid(`${count} parts are too many.`);
    if (count > 1 && options.partSize < part.min) throw this.#invalid(`Parts of ${options.partSize} are too small.`);
    if (options.partSize > part.max) throw this.#invalid(`Parts of ${options.partSize} bytes are too large.`);
    if (count > 1 && options.partSize % part.multipleOf !== 0) {
      throw this.#invalid(`${options.partSize} is no multiple of ${part.multipleOf}.`);
    }
  }

  async part(part: Part, signal: AbortSignal): Promise<void> {
    this.#check(signal);
    this.#checkShape(part);
    if (this.#provider.capabilities.attests.upload?.endsWith('part')) {
      this.#provider.verify(this.#key, part.bytes, part.checksums);
    }
    this.#parts.set(part.number, Buffer.from(part.bytes));
  }

  async complete(digest: Digest, record: CopyRecord, signal: AbortSignal): Promise<StoredCopy> {
    this.#check(signal);
    const { size, attributes, precondition } = this.#options;
    if (this.#parts.size !== this.#count()) throw this.#invalid(`${this.#parts.size} of ${this.#count()} parts came.`);
    const numbers = [...this.#parts.keys()].sort((a, b) => a - b);
    const bytes = Buffer.concat(numbers.map((number) => this.#parts.get(number) ?? Buffer.of()));
    const attested = this.#provider.capabilities.attests.upload;
    const checksums = attested === 'crc32c' ? this.#provider.verify(this.#key, bytes, digest) : {};
    const { version } = this.#provider.commit(this.#key, { bytes, attributes, record, checksums }, precondition);
    this.#close();
    return { version, size, ...(attested && { attested }) };
  }

  async abort(signal: AbortSignal): Promise<void> {
    this.#provider.check(signal, this.#key);
    this.#close();
  }

  #close(): void {
    this.#open = false;
    this.#parts.clear();
  }

  #check(signal: AbortSignal): void {
    this.#provider.check(signal, this.#key);
    if (!this.#open) throw this.#invalid('The upload is over.');
  }

  #checkShape({ number, offset, bytes }: Part): void {
    const { size, partSize } = this.#options;
    const expected = { offset: (number - 1) * partSize, length: Math.min(partSize, size - (number - 1) * partSize) };
    if (number < 1 || number > this.#count() || offset !== expected.offset || bytes.length !== expected.length) {
      throw this.#invalid(`Part ${number} at ${offset} of ${bytes.length} bytes does not fit.`);
    }
    const { order } = this.#provider.capabilities.limits.part;
    if (order === 'sequential' && number > this.#parts.size + 1) throw this.#invalid(`Part ${number} came too early.`);
  }

  #count(): number {
    return Math.ceil(this.#options.size / this.#options.partSize);
  }

  #invalid(message: string): ProviderError {
    return this.#provider.error('invalid', message, this.#key);
  }
}
