import type { Digest } from '../../../src/objects/checksum.ts';
import type { Key } from '../../../src/objects/key.ts';
import type { CopyRecord } from '../../../src/objects/object.ts';
import type { Capabilities, Part, StoredCopy, Upload, UploadOptions } from '../../../src/providers/provider.ts';
import type { SimulatedProvider } from './client.ts';
import { damaged, type RequestFault } from './wire.ts';

/** Parts that wait at a store until they are made an object. Strict about their shape. */
export class SimulatedUpload implements Upload {
  readonly #provider: SimulatedProvider;
  readonly #capabilities: Capabilities;
  readonly #key: Key;
  readonly #options: UploadOptions;
  readonly #parts = new Map<number, Buffer>();
  #state: 'open' | 'aborted' | StoredCopy = 'open';

  constructor(provider: SimulatedProvider, capabilities: Capabilities, key: Key, options: UploadOptions) {
    this.#provider = provider;
    this.#capabilities = capabilities;
    this.#key = key;
    this.#options = options;
    const { part, maxObjectSize } = capabilities.limits;
    const count = this.#count();
    const { size, partSize } = options;
    if (size > maxObjectSize || count > part.maxCount || partSize > part.max)
      throw this.#invalid('takes no such parts');
    if (count > 1 && (partSize < part.min || partSize % part.multipleOf !== 0))
      throw this.#invalid('takes no such parts');
  }

  async part(part: Part, signal: AbortSignal): Promise<void> {
    const sent = Buffer.from(part.bytes);
    const effect = (fault: RequestFault | undefined): void => {
      if (this.#state !== 'open') throw this.#provider.error('not-found', 'has no such upload', this.#key);
      this.#requireShape(part);
      const came = damaged(sent, fault);
      const checked = this.#capabilities.attests.upload?.endsWith('part') === true;
      if (checked) this.#provider.verify(this.#key, came, part.checksums);
      this.#parts.set(part.number, came);
    };
    await this.#provider.ask('part', this.#key, effect, signal);
  }

  async complete(digest: Digest, record: CopyRecord, signal: AbortSignal): Promise<StoredCopy> {
    return await this.#provider.ask('complete', this.#key, () => this.#complete(digest, record), signal);
  }

  async abort(signal: AbortSignal): Promise<void> {
    const effect = (): void => {
      if (this.#state === 'open') this.#state = 'aborted';
    };
    await this.#provider.ask('abort', this.#key, effect, signal);
  }

  /** Repeated after a lost answer it finds out, as real clients do, that the object is its own. */
  #complete(digest: Digest, record: CopyRecord): StoredCopy {
    const gone = typeof this.#state === 'object' && !this.#provider.stands(this.#key, this.#state.version);
    if (this.#state === 'aborted' || gone) throw this.#provider.error('not-found', 'has no such upload', this.#key);
    if (typeof this.#state === 'object') return this.#state;
    if (this.#parts.size !== this.#count()) throw this.#invalid(`got ${this.#parts.size} of ${this.#count()} parts`);
    const bytes = Buffer.concat([...this.#parts].sort(([a], [b]) => a - b).map(([, part]) => part));
    const attested = this.#capabilities.attests.upload;
    const checksums = attested === 'crc32c' ? this.#provider.verify(this.#key, bytes, digest) : {};
    const { attributes, precondition } = this.#options;
    const content = { bytes, attributes, record, checksums, meant: digest.sha256 };
    const { version } = this.#provider.commit(this.#key, content, precondition);
    this.#state = { version, size: bytes.length, ...(attested === undefined ? {} : { attested }) };
    return this.#state;
  }

  #requireShape({ number, offset, bytes }: Part): void {
    const { size, partSize } = this.#options;
    const at = (number - 1) * partSize;
    const fits = number >= 1 && offset === at && bytes.length === Math.min(partSize, size - at);
    if (!fits) throw this.#invalid(`takes no part ${number} at ${offset} of ${bytes.length} bytes`);
    const early = this.#capabilities.limits.part.order === 'sequential' && number > this.#parts.size + 1;
    if (early) throw this.#invalid(`got part ${number} too early`);
  }

  #count(): number {
    return Math.ceil(this.#options.size / this.#options.partSize);
  }

  #invalid(what: string): Error {
    return this.#provider.error('invalid', what, this.#key);
  }
}
