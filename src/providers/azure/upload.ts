import type { BlockBlobClient } from '@azure/storage-blob';
import { randomUUID } from 'node:crypto';
import type { Digest } from '../../objects/checksum.ts';
import type { Key } from '../../objects/key.ts';
import type { CopyRecord } from '../../objects/object.ts';
import type { Part, StoredCopy, Upload, UploadOptions } from '../provider.ts';
import type { Transactional } from './checksums.ts';
import { echoed, sent } from './checksums.ts';
import type { Connection } from './connection.ts';
import { fail } from './errors.ts';
import { requireVersion } from './head.ts';
import { conditionsOf, damagedOnArrival, nativeDescription, requireHoldable } from './writing.ts';

/** A part that Azure holds as an uncommitted block. */
interface Staged {
  readonly size: number;
  /** Azure told the checksum of what it stored, and it is the one we sent. */
  readonly attested: boolean;
}

/**
 * Blocks of this upload carry a random name, so two uploads of one key never mix: a block list names the blocks of one.
 * A block's id has 48 bytes, the length the Azure SDKs use: ids of different lengths cannot stand beside each other.
 * Uncommitted blocks show nowhere, cost storage, and go when anybody writes the blob, or after a week.
 */
export class BlockUpload implements Upload {
  readonly #connection: Connection;
  readonly #algorithm: Transactional | undefined;
  readonly #key: Key;
  readonly #options: UploadOptions;
  readonly #blob: BlockBlobClient;
  readonly #id = randomUUID();
  readonly #staged = new Map<number, Staged>();

  /** @throws ProviderError `unsupported` for a key that cannot be held. */
  constructor(connection: Connection, algorithm: Transactional | undefined, key: Key, options: UploadOptions) {
    requireHoldable(connection, key);
    this.#connection = connection;
    this.#algorithm = algorithm;
    this.#key = key;
    this.#options = options;
    this.#blob = connection.blob(key, 'write');
  }

  async part({ number, bytes, checksums }: Part, signal: AbortSignal): Promise<void> {
    const verb = `write part ${number} of`;
    const options = { ...sent(this.#algorithm, checksums), abortSignal: signal };
    const stage = () => this.#blob.stageBlock(this.#blockId(number), bytes, bytes.length, options);
    // A repeat replaces the block, so what the first attempt proved is void until the repeat has settled.
    this.#staged.delete(number);
    const answer = await this.#connection.attempt({ verb, key: this.#key }, stage, signal);
    const echo = echoed(this.#algorithm, checksums, answer);
    if (echo === 'different') throw damagedOnArrival(this.#connection, verb, this.#key);
    this.#staged.set(number, { size: bytes.length, attested: echo === 'equal' });
  }

  async complete(_digest: Digest, record: CopyRecord, signal: AbortSignal): Promise<StoredCopy> {
    const collect = () => Promise.resolve(this.#blocks());
    const blocks = await this.#connection.attempt({ verb: 'finish', key: this.#key }, collect, signal);
    const { attributes, precondition, size } = this.#options;
    const options = {
      ...(await nativeDescription(this.#connection, attributes, record, signal)),
      abortSignal: signal,
      conditions: conditionsOf(precondition),
    };
    const commit = () => this.#blob.commitBlockList(blocks, options);
    const answer = await this.#connection.attempt({ verb: 'finish', key: this.#key }, commit, signal);
    const attested = this.#algorithm !== undefined && [...this.#staged.values()].every((part) => part.attested);
    return {
      version: requireVersion(this.#connection, this.#key, answer),
      size,
      ...(attested ? { attested: `${this.#algorithm} of every part` as const } : {}),
    };
  }

  /** There is nothing to undo: no request throws away uncommitted blocks without writing the blob. */
  async abort(_signal: AbortSignal): Promise<void> {
    this.#staged.clear();
  }

  /** The ids of all parts in order. @throws ProviderError `invalid` unless they are the whole object. */
  #blocks(): string[] {
    const count = this.#staged.size;
    const ids = Array.from({ length: count }, (_, index) => index + 1).filter((number) => this.#staged.has(number));
    const sum = [...this.#staged.values()].reduce((total, part) => total + part.size, 0);
    if (ids.length === count && sum === this.#options.size) return ids.map((number) => this.#blockId(number));
    const what = `${count} parts with ${sum} of ${this.#options.size} bytes have arrived`;
    throw fail('invalid', what, this.#connection.operation('finish', this.#key));
  }

  #blockId(number: number): string {
    return Buffer.from(this.#id + String(number).padStart(12, '0')).toString('base64');
  }
}
