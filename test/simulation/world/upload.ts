import type { Digest } from '../../../src/objects/checksum.ts';
import type { Key } from '../../../src/objects/key.ts';
import type { CopyRecord } from '../../../src/objects/object.ts';
import type { Part, ResumedUpload, StoredCopy, UploadOptions } from '../../../src/providers/provider.ts';
import type { SimulatedProvider } from './client.ts';
import { sha256Of } from './store.ts';
import type { LeftUpload } from './uploads.ts';
import { damaged, type RequestFault } from './wire.ts';

/** A process's hold on an upload that is at the store. Strict about the shape of parts. */
export class SimulatedUpload implements ResumedUpload {
  readonly checkpoint: string;
  readonly #provider: SimulatedProvider;
  readonly #key: Key;
  readonly #options: UploadOptions;

  constructor(provider: SimulatedProvider, key: Key, options: UploadOptions, checkpoint: string) {
    this.checkpoint = checkpoint;
    this.#provider = provider;
    this.#key = key;
    this.#options = options;
  }

  async part(part: Part, signal: AbortSignal): Promise<void> {
    const sent = Buffer.from(part.bytes);
    const effect = (fault: RequestFault | undefined): void => {
      const upload = this.#there();
      this.#requireShape(part, upload);
      const came = damaged(sent, fault);
      if (this.#attested?.endsWith('part') === true) this.#provider.verify(this.#key, came, part.checksums);
      upload.parts.set(part.number, { sent, came });
    };
    await this.#provider.ask('part', this.#key, effect, signal);
  }

  /** Some stores tell which bytes they hold, others only how many parts. */
  async keep({ number, bytes }: Part, signal: AbortSignal): Promise<boolean> {
    const expected = Buffer.from(bytes);
    const effect = (): boolean => {
      const held = this.#there().parts.get(number);
      return held !== undefined && (!this.#provider.comparesParts || held.came.equals(expected));
    };
    return await this.#provider.ask('keep', this.#key, effect, signal);
  }

  async complete(digest: Digest, record: CopyRecord, signal: AbortSignal): Promise<StoredCopy> {
    return await this.#provider.ask('complete', this.#key, () => this.#complete(digest, record), signal);
  }

  async abort(signal: AbortSignal): Promise<void> {
    await this.#provider.abortUpload(this.#key, this.checkpoint, signal);
  }

  async leave(): Promise<void> {}

  /** Repeated after a lost answer it finds out, as real clients do, that the object is its own. */
  #complete(digest: Digest, record: CopyRecord): StoredCopy {
    const done = this.#provider.uploads.completed.get(this.checkpoint);
    if (done !== undefined && this.#provider.stands(this.#key, done.version)) return done;
    const upload = this.#there();
    if (upload.parts.size !== this.#count()) {
      throw this.#invalid(`got ${upload.parts.size} of ${this.#count()} parts`);
    }
    const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part);
    const bytes = Buffer.concat(parts.map(({ came }) => came));
    const checksums = this.#attested === 'crc32c' ? this.#provider.verify(this.#key, bytes, digest) : {};
    const { attributes, precondition } = this.#options;
    const meant = sha256Of(Buffer.concat(parts.map(({ sent }) => sent)));
    const { version } = this.#provider.commit(this.#key, { bytes, attributes, record, checksums, meant }, precondition);
    const stored = { version, size: bytes.length, ...(this.#attested && { attested: this.#attested }) };
    this.#provider.uploads.complete(this.checkpoint, stored);
    return stored;
  }

  get #attested() {
    return this.#provider.capabilities.attests.upload;
  }

  #there(): LeftUpload {
    const upload = this.#provider.uploads.open.get(this.checkpoint);
    if (upload === undefined) throw this.#provider.error('not-found', 'has no such upload', this.#key);
    return upload;
  }

  #requireShape({ number, offset, bytes }: Part, { parts }: LeftUpload): void {
    const { size, partSize } = this.#options;
    const at = (number - 1) * partSize;
    const fits = number >= 1 && offset === at && bytes.length === Math.min(partSize, size - at);
    if (!fits) throw this.#invalid(`takes no part ${number} at ${offset} of ${bytes.length} bytes`);
    const early = this.#provider.capabilities.limits.part.order === 'sequential' && number > parts.size + 1;
    if (early) throw this.#invalid(`got part ${number} too early`);
  }

  #count(): number {
    return Math.ceil(this.#options.size / this.#options.partSize);
  }

  #invalid(what: string): Error {
    return this.#provider.error('invalid', what, this.#key);
  }
}
