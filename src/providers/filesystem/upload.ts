import type { Digest } from '../../objects/checksum.ts';
import type { Key } from '../../objects/key.ts';
import type { CopyRecord } from '../../objects/object.ts';
import type { Part, ResumedUpload, StoredCopy, UploadOptions } from '../provider.ts';
import { Refusal } from './errors.ts';
import { rawFromKey } from './raw.ts';
import type { TemporaryFile } from './temporary.ts';
import type { Writer } from './write.ts';

/** Runs a call under the provider's error translation. */
export type Guard = <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

interface UploadParts {
  readonly file: TemporaryFile;
  readonly writer: Writer;
  readonly guard: Guard;
  /** Told when the file is closed. */
  readonly done: () => void;
}

/** An object written in parts, at their offsets into one temporary file. */
export class FileUpload implements ResumedUpload {
  readonly #key: Key;
  readonly #options: UploadOptions;
  readonly #parts: UploadParts;
  readonly #sent = new Set<number>();

  constructor(key: Key, options: UploadOptions, parts: UploadParts) {
    this.#key = key;
    this.#options = options;
    this.#parts = parts;
  }

  get checkpoint(): string {
    return this.#parts.file.name;
  }

  async part(part: Part, signal: AbortSignal): Promise<void> {
    await this.#parts.guard(signal, async () => {
      this.#requireFit(part);
      await this.#parts.file.write(part.bytes, part.offset, signal);
      this.#sent.add(part.number);
    });
  }

  /** Reads it back: after a power failure nobody knows what of a file that was not synced is on the disk. */
  async keep(part: Part, signal: AbortSignal): Promise<boolean> {
    return await this.#parts.guard(signal, async () => {
      this.#requireFit(part);
      const held = await this.#parts.file.holds(part.bytes, part.offset, signal);
      if (held) this.#sent.add(part.number);
      return held;
    });
  }

  async complete(_: Digest, record: CopyRecord, signal: AbortSignal): Promise<StoredCopy> {
    return await this.#parts.guard(signal, async () => {
      const missing = this.#missing();
      if (missing !== undefined) throw new Refusal('invalid', `Part ${missing} was not sent; the upload is not whole.`);
      const { attributes, precondition } = this.#options;
      const finished = { key: this.#key, raw: rawFromKey(this.#key), file: this.#parts.file, precondition };
      const stored = await this.#parts.writer.commit({ ...finished, content: { attributes, record } }, signal);
      await this.#close();
      return stored;
    });
  }

  /** Also after the signal aborted: nothing shall be left behind. */
  async abort(_: AbortSignal): Promise<void> {
    await this.#parts.guard(new AbortController().signal, () => this.#close());
  }

  async leave(): Promise<void> {
    await this.#parts.guard(new AbortController().signal, async () => {
      await this.#parts.file.leave();
      this.#parts.done();
    });
  }

  #requireFit({ number, offset, bytes }: Part): void {
    const { size, partSize } = this.#options;
    const expected = { offset: (number - 1) * partSize, length: Math.min(partSize, size - offset) };
    if (number >= 1 && offset === expected.offset && bytes.length === expected.length) return;
    throw new Refusal('invalid', `Part ${number} with ${bytes.length} bytes at ${offset} does not fit the upload.`);
  }

  async #close(): Promise<void> {
    await this.#parts.file[Symbol.asyncDispose]();
    this.#parts.done();
  }

  #missing(): number | undefined {
    const count = Math.ceil(this.#options.size / this.#options.partSize);
    for (let number = 1; number <= count; number += 1) if (!this.#sent.has(number)) return number;
    return undefined;
  }
}
