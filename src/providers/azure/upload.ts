import type { BlockBlobClient } from '@azure/storage-blob';
import { randomBytes } from 'node:crypto';
import type { Checksums, Digest } from '../../objects/checksum.ts';
import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { CopyRecord } from '../../objects/object.ts';
import type { Part, PutOptions, ResumedUpload, StoredCopy, UploadOptions } from '../provider.ts';
import { answeredLate } from '../sockets.ts';
import type { Transactional } from './checksums.ts';
import { echoed, sent } from './checksums.ts';
import type { Connection } from './connection.ts';
import { fail } from './errors.ts';
import { requireVersion } from './head.ts';
import { conditionsOf, damagedOnArrival, nativeDescription, requireHoldable } from './writing.ts';

/** A part that Azure holds as an uncommitted block. */
interface Staged {
  readonly id: string;
  readonly size: number;
  /** Azure told the checksum of what it stored, and it is the one we sent. */
  readonly attested: boolean;
}

/** Takes up an upload of which Azure still has blocks. */
export async function resumeUpload(
  connection: Connection,
  algorithm: Transactional | undefined,
  key: Key,
  options: UploadOptions,
  checkpoint: string,
  signal: AbortSignal,
): Promise<BlockUpload | undefined> {
  requireHoldable(connection, key);
  const blocks = await uncommittedBlocks(connection, key, signal);
  const ours = blocks.filter(([id]) => id.startsWith(checkpoint));
  if (ours.length === 0) return undefined;
  return new BlockUpload(connection, algorithm, key, options, { id: checkpoint, held: new Map(ours) });
}

/** A whole small object as one block: committing it drops the blocks of uploads that were left. */
export async function putAsBlock(
  connection: Connection,
  algorithm: Transactional | undefined,
  key: Key,
  bytes: Buffer,
  { attributes, record, digest, precondition }: PutOptions,
  signal: AbortSignal,
): Promise<StoredCopy> {
  const size = bytes.length;
  const shape = {
    size,
    partSize: Math.max(1, size),
    attributes,
    ...(precondition === undefined ? {} : { precondition }),
  };
  const upload = new BlockUpload(connection, algorithm, key, shape);
  if (size > 0) await upload.part({ number: 1, offset: 0, bytes, checksums: digest }, signal);
  return await upload.complete(digest, record, signal);
}

/**
 * The id of a block is that of its upload (20 characters, random, so that two uploads of one key never mix: a block list
 * names the blocks of one), the beginning of its checksum (16) and its number (12). Other bytes for the same part are
 * another block: a process that comes late cannot replace what another one has taken up, and what the list of blocks
 * shows tells what was sent. 48 bytes are the length the Azure SDKs use: ids of different lengths cannot stand beside
 * each other.
 * Uncommitted blocks show nowhere, cost storage, and go when anybody writes the blob, or after a week.
 */
export class BlockUpload implements ResumedUpload {
  readonly checkpoint: string;
  readonly #connection: Connection;
  readonly #algorithm: Transactional | undefined;
  readonly #key: Key;
  readonly #options: UploadOptions;
  readonly #blob: BlockBlobClient;
  readonly #staged = new Map<number, Staged>();
  /** Sizes of the blocks that stood there when it was taken up, by id. */
  readonly #held: ReadonlyMap<string, number>;

  /** @throws ProviderError `unsupported` for a key that cannot be held. */
  constructor(
    connection: Connection,
    algorithm: Transactional | undefined,
    key: Key,
    options: UploadOptions,
    from: Begun = { id: randomBytes(10).toString('hex'), held: new Map() },
  ) {
    requireHoldable(connection, key);
    this.checkpoint = from.id;
    this.#held = from.held;
    this.#connection = connection;
    this.#algorithm = algorithm;
    this.#key = key;
    this.#options = options;
    this.#blob = connection.blob(key, 'write');
  }

  /** Azure took the block only with the checksum that is in its id. */
  async keep({ number, bytes, checksums }: Part): Promise<boolean> {
    const id = this.#blockId(number, checksums);
    if (this.#held.get(id) !== bytes.length) return false;
    this.#staged.set(number, { id, size: bytes.length, attested: this.#algorithm !== undefined });
    return true;
  }

  async part({ number, bytes, checksums }: Part, signal: AbortSignal): Promise<void> {
    const verb = `write part ${number} of`;
    const options = { ...sent(this.#algorithm, checksums), abortSignal: signal };
    const id = this.#blockId(number, checksums);
    const stage = () => this.#blob.stageBlock(base64(id), bytes, bytes.length, options);
    // A repeat replaces the block, so what the first attempt proved is void until the repeat has settled.
    this.#staged.delete(number);
    const answer = await this.#connection.attempt({ verb, key: this.#key }, stage, signal);
    const echo = echoed(this.#algorithm, checksums, answer);
    if (echo === 'different') throw damagedOnArrival(this.#connection, verb, this.#key);
    this.#staged.set(number, { id, size: bytes.length, attested: echo === 'equal' });
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
    const commit = () => answeredLate(() => this.#blob.commitBlockList(blocks, options));
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

  async leave(): Promise<void> {}

  /** The ids of all parts in order. @throws ProviderError `invalid` unless they are the whole object. */
  #blocks(): string[] {
    const count = this.#staged.size;
    const ids = Array.from({ length: count }, (_, index) => this.#staged.get(index + 1)?.id ?? []).flat();
    const sum = [...this.#staged.values()].reduce((total, part) => total + part.size, 0);
    if (ids.length === count && sum === this.#options.size) return ids.map(base64);
    const what = `${count} parts with ${sum} of ${this.#options.size} bytes have arrived`;
    throw fail('invalid', what, this.#connection.operation('finish', this.#key));
  }

  #blockId(number: number, checksums: Checksums): string {
    const checksum = this.#algorithm === undefined ? undefined : checksums[this.#algorithm];
    return this.checkpoint + (checksum ?? '').slice(0, 16).padStart(16, '0') + String(number).padStart(12, '0');
  }
}

interface Begun {
  readonly id: string;
  readonly held: ReadonlyMap<string, number>;
}

function base64(id: string): string {
  return Buffer.from(id).toString('base64');
}

/** Ids and sizes. None where there is no such blob. */
async function uncommittedBlocks(
  connection: Connection,
  key: Key,
  signal: AbortSignal,
): Promise<readonly (readonly [string, number])[]> {
  const list = () => connection.blob(key, 'write').getBlockList('uncommitted', { abortSignal: signal });
  try {
    const { uncommittedBlocks: blocks = [] } = await connection.attempt(
      { verb: 'look up the parts of', key },
      list,
      signal,
    );
    return blocks.map(({ name, size }) => [Buffer.from(name, 'base64').toString(), size]);
  } catch (error) {
    if (error instanceof ProviderError && error.code === 'not-found') return [];
    throw error;
  }
}
