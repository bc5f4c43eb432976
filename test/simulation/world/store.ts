import { createHash } from 'node:crypto';
import type { Checksums } from '../../../src/objects/checksum.ts';
import type { Key } from '../../../src/objects/key.ts';
import { compareKeys } from '../../../src/objects/key.ts';
import type { Attributes, CopyRecord } from '../../../src/objects/object.ts';
import { noAttributes } from '../../../src/objects/object.ts';
import type { Precondition } from '../../../src/providers/provider.ts';
import { Uploads, type LeftUpload, type UploadListing } from './uploads.ts';

export interface Stored {
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly version: string;
  readonly modifiedAt: number;
  readonly attributes: Attributes;
  readonly record?: CopyRecord;
  /** What was checked when the bytes came in; rot does not change it. */
  readonly checksums: Checksums;
  /** What the bytes were before they were damaged on their way. */
  readonly meant: string;
}

/** Who did it: one of the program's processes, the source's users, somebody who writes at a target, or decay. */
export type Doer = { readonly process: string } | 'user' | 'foreigner' | 'decay';

/** Something became of a key, at this very moment. */
export interface Effect {
  readonly store: string;
  readonly key: Key;
  readonly by: Doer;
  readonly before: Stored | undefined;
  readonly after: Stored | undefined;
}

export interface StoreOptions {
  readonly name: string;
  /** `etag`: the same bytes have the same version, wherever and whenever they were written. */
  readonly versions: 'unique' | 'etag';
  readonly keepsReplaced: boolean;
  readonly now: () => number;
  readonly onEffect: (effect: Effect) => void;
  readonly listsUploads: UploadListing;
  readonly onAbort: (upload: LeftUpload, by: Doer) => void;
}

export type Content = Pick<Stored, 'bytes' | 'attributes' | 'checksums'> & {
  readonly record?: CopyRecord;
  readonly meant?: string;
  readonly modifiedAt?: number;
  readonly version?: string;
};

/** What a provider keeps; outlives every process. */
export class Store {
  readonly name: string;
  readonly options: StoreOptions;
  readonly objects = new Map<Key, Stored>();
  readonly replaced = new Map<string, Stored>();
  readonly uploads: Uploads;
  /** Another bucket at the same address has another. */
  identity: string;
  #versions = 0;

  constructor(options: StoreOptions) {
    this.name = options.name;
    this.options = options;
    this.identity = `${options.name} #1`;
    this.uploads = new Uploads(options.name, options.listsUploads, options.now, options.onAbort);
  }

  write(key: Key, content: Content, by: Doer): Stored {
    const { bytes, attributes, record, checksums } = content;
    const sha256 = sha256Of(bytes);
    const { version = this.newVersion(sha256), modifiedAt = this.options.now() } = content;
    const after: Stored = {
      ...{ bytes, sha256, version, modifiedAt, attributes, checksums, meant: content.meant ?? sha256 },
      ...(record === undefined ? {} : { record }),
    };
    const before = this.objects.get(key);
    if (before !== undefined && this.options.keepsReplaced) this.replaced.set(`${before.version} ${key}`, before);
    this.objects.set(key, after);
    this.options.onEffect({ store: this.name, key, by, before, after });
    return after;
  }

  remove(key: Key, by: Doer): void {
    const before = this.objects.get(key);
    if (before === undefined) return;
    if (this.options.keepsReplaced) this.replaced.set(`${before.version} ${key}`, before);
    this.objects.delete(key);
    this.options.onEffect({ store: this.name, key, by, before, after: undefined });
  }

  /** One bit changes at rest. */
  rot(key: Key, bit: number): boolean {
    const before = this.objects.get(key);
    if (before === undefined || before.bytes.length === 0) return false;
    const bytes = flipped(before.bytes, bit);
    const after = { ...before, bytes, sha256: sha256Of(bytes) };
    this.objects.set(key, after);
    this.options.onEffect({ store: this.name, key, by: 'decay', before, after });
    return true;
  }

  newVersion(sha256: string): string {
    this.#versions += 1;
    return this.options.versions === 'etag' ? `e-${sha256.slice(0, 12)}` : `${this.identity}-${this.#versions}`;
  }

  holds(key: Key, precondition: Precondition | undefined): boolean {
    if (precondition === undefined) return true;
    const version = this.objects.get(key)?.version;
    return 'absent' in precondition ? version === undefined : version === precondition.version;
  }

  keys(): Key[] {
    return [...this.objects.keys()].sort(compareKeys);
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = bit % (copy.length * 8);
  copy.writeUInt8(copy.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
  return copy;
}

export const plain = { attributes: noAttributes, checksums: {} };
