import type { Checksums } from '../../objects/checksum.ts';
import { compareKeys } from '../../objects/key.ts';
import type { Key } from '../../objects/key.ts';
import type { Attributes, CopyRecord, ObjectHead } from '../../objects/object.ts';
import type { Precondition } from '../provider.ts';

export interface StoredObject {
  /** A test or simulation may damage these in place, as a disk would. */
  readonly bytes: Buffer;
  readonly version: string;
  readonly modifiedAt: number;
  readonly attributes: Attributes;
  readonly record: CopyRecord;
  /** What was checked when the bytes came in. */
  readonly checksums: Checksums;
}

/** An upload that was begun and not ended. */
export interface StoredUpload {
  /** Null: as a temporary file, which does not tell. */
  readonly key: Key | null;
  readonly size: number;
  readonly partSize: number;
  readonly startedAt: number;
  /** By number. A test or simulation may damage or lose them. */
  readonly parts: Map<number, Buffer>;
}

/** What a memory provider keeps; outlives the providers opened on it, as a bucket outlives its clients. */
export class MemoryBucket {
  readonly objects = new Map<Key, StoredObject>();
  /** What was replaced, by version, while the bucket keeps such. */
  readonly replaced = new Map<string, StoredObject>();
  /** By checkpoint. */
  readonly uploads = new Map<string, StoredUpload>();
  versioning = false;
  #versions = 0;
  #uploads = 0;

  begin(upload: StoredUpload): string {
    this.#uploads += 1;
    const checkpoint = `u${this.#uploads}`;
    this.uploads.set(checkpoint, upload);
    return checkpoint;
  }

  write(key: Key, object: Omit<StoredObject, 'version'>): StoredObject {
    this.#versions += 1;
    const stored = { ...object, version: `v${this.#versions}` };
    const before = this.objects.get(key);
    if (this.versioning && before !== undefined) this.replaced.set(`${before.version} ${key}`, before);
    this.objects.set(key, stored);
    return stored;
  }

  holds(key: Key, precondition: Precondition | undefined): boolean {
    if (precondition === undefined) return true;
    const version = this.objects.get(key)?.version;
    return 'absent' in precondition ? version === undefined : version === precondition.version;
  }

  /** The keys there are now, in byte order, or in the order they were first written. */
  keys(order: 'ordered' | 'unordered'): Key[] {
    const keys = [...this.objects.keys()];
    return order === 'ordered' ? keys.sort(compareKeys) : keys;
  }
}

export function headOf(key: Key, object: StoredObject): ObjectHead {
  const { bytes, version, modifiedAt, attributes, record, checksums } = object;
  return { key, size: bytes.length, version, modifiedAt, attributes, record, checksums };
}
