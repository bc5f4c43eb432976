import { createHash, randomBytes } from 'node:crypto';
import { crc32c } from '@node-rs/crc32';
import type { Digest } from '../objects/checksum.ts';
import type { Key } from '../objects/key.ts';
import { noAttributes, type CopyRecord } from '../objects/object.ts';
import type { Finding } from './examination.ts';
import { cleaningUp, refusalCode } from './notes.ts';
import type { Precondition, Provider, StoredCopy, Upload } from './provider.ts';

/** Where an examination may write. */
export interface Place {
  /** The provider's prefix, '' for none. */
  readonly root: string;
  /** `<root>.holdfast/` */
  readonly reserved: string;
}

/** The canaries of one examination. */
export class Bench {
  readonly place: Place;
  /** By key, the version last written, where that is known. */
  readonly written = new Map<Key, string | undefined>();
  latest: Buffer = Buffer.of();
  version = '';
  readonly #provider: Provider;
  readonly #signal: AbortSignal;
  readonly #key: Key;

  constructor(provider: Provider, place: Place, signal: AbortSignal) {
    this.#provider = provider;
    this.place = place;
    this.#signal = signal;
    this.#key = canaryKey(place);
  }

  async put(precondition: Precondition): Promise<StoredCopy> {
    const bytes = randomBytes(64);
    const { digest, record } = described(bytes);
    this.#expect(this.#key);
    const options = { attributes: noAttributes, digest, record, precondition };
    const stored = await this.#provider.put(this.#key, bytes, options, this.#signal);
    this.latest = bytes;
    this.version = stored.version;
    this.written.set(this.#key, stored.version);
    return stored;
  }

  /** Whether a put is refused whose precondition does not hold. */
  async enforces(precondition: Precondition): Promise<Finding> {
    const code = await refusalCode(this.put(precondition));
    if (code === 'conflict') return { answer: 'enforced' };
    return code === undefined ? { answer: 'ignored' } : { answer: 'not-told', detail: `refused with ${code}` };
  }

  async read(): Promise<Buffer> {
    await using reader = await this.#provider.read(this.#key, {}, this.#signal);
    return Buffer.concat(await Array.fromAsync(reader.body));
  }

  async lists(prefix: string): Promise<boolean> {
    for await (const { entries } of this.#provider.list({ prefix }, this.#signal)) {
      if (entries.some(({ key }) => key === this.#key)) return true;
    }
    return false;
  }

  async upload(): Promise<void> {
    const bytes = randomBytes(64);
    const { digest, record, checksums } = described(bytes);
    const key = `${this.#key}-parts`;
    const upload = await this.#start(key, bytes.length);
    try {
      await upload.part({ number: 1, offset: 0, bytes, checksums }, this.#signal);
      this.#expect(key);
      this.written.set(key, (await upload.complete(digest, record, this.#signal)).version);
    } catch (error) {
      await refusalCode(upload.abort(cleaningUp(this.#signal)));
      throw error;
    }
  }

  async abortUpload(): Promise<void> {
    const bytes = randomBytes(64);
    const upload = await this.#start(`${this.#key}-aborted`, bytes.length);
    try {
      await upload.part({ number: 1, offset: 0, bytes, checksums: described(bytes).checksums }, this.#signal);
    } finally {
      await upload.abort(cleaningUp(this.#signal));
    }
  }

  /** By its version first: with that goes the description that is its own. */
  async remove(key: Key): Promise<void> {
    const version = this.written.get(key);
    const calm = cleaningUp(this.#signal);
    if (version !== undefined) {
      const code = await refusalCode(this.#provider.delete(key, { precondition: { version } }, calm));
      if (code === undefined) return;
    }
    await this.#provider.delete(key, {}, calm);
  }

  /** A write whose answer is lost may have happened. */
  #expect(key: Key): void {
    if (!this.written.has(key)) this.written.set(key, undefined);
  }

  async #start(key: Key, size: number): Promise<Upload> {
    return await this.#provider.startUpload(key, { size, partSize: size, attributes: noAttributes }, this.#signal);
  }
}

export function canaryKey({ reserved }: Pick<Place, 'reserved'>): Key {
  return `${reserved}probe/${randomBytes(8).toString('hex')}`;
}

/** Above the prefix; its name says whose it is, should it stay. Undefined where there is nothing above. */
export function outsideKey({ root }: Pick<Place, 'root'>): Key | undefined {
  return root === '' ? undefined : `.holdfast-probe-${randomBytes(8).toString('hex')}`;
}

/** Like any user's object, below the prefix, and nothing stands there. */
export function absentKey({ root }: Pick<Place, 'root'>): Key {
  return `${root}.holdfast-probe-${randomBytes(8).toString('hex')}`;
}

function described(bytes: Buffer): { digest: Digest; record: CopyRecord; checksums: Digest } {
  const of = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
  const crc = crc32c(bytes).toString(16).padStart(8, '0');
  const digest = { sha256: of('sha256'), md5: of('md5'), crc32c: crc };
  const record = {
    sha256: digest.sha256,
    size: bytes.length,
    sourceVersion: 'canary',
    sourceModifiedAt: 0,
    checksums: digest,
  };
  return { digest, record, checksums: digest };
}
