import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { ObjectHead } from '../../objects/object.ts';
import type {
  Capabilities,
  DeleteOptions,
  ListOptions,
  ListPage,
  ObjectReader,
  OpenUpload,
  ProviderRole,
  PutOptions,
  ReadOptions,
  ResumedUpload,
  StoredCopy,
  Upload,
  UploadOptions,
} from '../provider.ts';
import type { ExaminableProvider, Examination, ExamineOptions } from '../examination.ts';
import type { Place } from '../canaries.ts';
import { conduct, tryDeletingObjects, type Trials } from '../examine-use.ts';
import type { Connection } from './connection.ts';
import { openConnection } from './connection.ts';
import { examineChecksums, examineRights } from './examine-rights.ts';
import { examineContainer } from './examine.ts';
import { headBlob } from './head.ts';
import { listBlobs } from './listing.ts';
import type { AzureOptions } from './options.ts';
import type { Facts } from './probe.ts';
import { probe, unprobed } from './probe.ts';
import { readBlob } from './reading.ts';
import { BlockUpload, putAsBlock, resumeUpload } from './upload.ts';
import { deleteBlob, putBlob } from './writing.ts';

export type { AzureOptions } from './options.ts';
export { canHoldKey } from './names.ts';

/** Azure Blob Storage (block blobs) and what speaks its protocol. Loads the SDK; sends nothing before `connect`. */
export async function openAzure(options: AzureOptions): Promise<ExaminableProvider> {
  return new AzureProvider(await openConnection(options), options.root ?? '');
}

const mebibyte = 2 ** 20;

/** learn.microsoft.com/azure/storage/blobs/scalability-targets */
const limits: Capabilities['limits'] = {
  maxObjectSize: 50_000 * 4_000 * mebibyte,
  maxPutSize: 5_000 * mebibyte,
  part: { min: 1, max: 4_000 * mebibyte, multipleOf: 1, maxCount: 50_000, order: 'any' },
};

class AzureProvider implements ExaminableProvider {
  readonly name: string;
  readonly #connection: Connection;
  readonly #place: Place;
  #facts: Facts = unprobed;
  readonly #connected = new Map<ProviderRole, Capabilities>();

  constructor(connection: Connection, root: string) {
    this.name = connection.name;
    this.#place = { root, reserved: connection.reserved };
    this.#connection = connection;
  }

  async connect(role: ProviderRole, signal: AbortSignal): Promise<Capabilities> {
    const known = this.#connected.get(role) ?? this.#connected.get('target');
    if (known !== undefined) return known;
    await this.#reach(signal);
    if (role === 'target') this.#facts = await probe(this.#connection, signal);
    const capabilities = capabilitiesFrom(this.#facts);
    this.#connected.set(role, capabilities);
    return capabilities;
  }

  list(options: ListOptions, signal: AbortSignal): AsyncIterable<ListPage> {
    return listBlobs(this.#connection, options, this.#facts.listing, signal);
  }

  head(key: Key, signal: AbortSignal): Promise<ObjectHead> {
    return headBlob(this.#connection, key, signal);
  }

  read(key: Key, options: ReadOptions, signal: AbortSignal): Promise<ObjectReader> {
    return readBlob(this.#connection, key, options, signal);
  }

  async put(key: Key, bytes: Buffer, options: PutOptions, signal: AbortSignal): Promise<StoredCopy> {
    try {
      return await putBlob(this.#connection, this.#facts.put, key, bytes, options, signal);
    } catch (error) {
      if (!(await this.#isOnlyUncommitted(error, key, options, signal))) throw error;
      return await putAsBlock(this.#connection, this.#facts.part, key, bytes, options, signal);
    }
  }

  /** Sends nothing: the first part begins the upload at Azure. */
  async startUpload(key: Key, options: UploadOptions, signal: AbortSignal): Promise<Upload> {
    const begin = () => Promise.resolve(new BlockUpload(this.#connection, this.#facts.part, key, options));
    return this.#connection.attempt({ verb: 'write', key }, begin, signal);
  }

  resumeUpload(
    key: Key,
    options: UploadOptions,
    checkpoint: string,
    signal: AbortSignal,
  ): Promise<ResumedUpload | undefined> {
    return resumeUpload(this.#connection, this.#facts.part, key, options, checkpoint, signal);
  }

  /** No request throws away uncommitted blocks without writing the blob. They go by themselves. */
  async abortUpload(): Promise<void> {}

  listUploads(): Promise<readonly OpenUpload[]> {
    return Promise.resolve([]);
  }

  async delete(key: Key, options: DeleteOptions, signal: AbortSignal): Promise<void> {
    await deleteBlob(this.#connection, key, options, signal);
  }

  examine({ role, clock }: ExamineOptions, signal: AbortSignal): Promise<Examination> {
    const [connection, place] = [this.#connection, this.#place];
    const trials: Trials = {
      look: (notes) => examineContainer(connection, place, clock, notes, signal),
      attempt: async (notes, capabilities) => {
        await tryDeletingObjects(this, place, notes, signal);
        await examineChecksums(connection, capabilities, place, notes, signal);
        await examineRights(connection, place, notes, signal);
      },
    };
    return conduct(this, place, role, trials, signal);
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  /** Azurite takes blocks of an upload that was left for a blob, where there must be none. */
  async #isOnlyUncommitted(
    error: unknown,
    key: Key,
    { precondition }: PutOptions,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!(error instanceof ProviderError) || error.code !== 'conflict') return false;
    if (precondition === undefined || !('absent' in precondition)) return false;
    try {
      await this.head(key, signal);
      return false;
    } catch (failure) {
      return failure instanceof ProviderError && failure.code === 'not-found';
    }
  }

  /** Lists rather than asks for the container's properties: the right to list is needed anyway, the other may be lacking. So may the right to list above Holdfast's own part. */
  async #reach(signal: AbortSignal): Promise<void> {
    const { client, reserved } = this.#connection;
    const first = client.listBlobsFlat({ abortSignal: signal, prefix: reserved }).byPage({ maxPageSize: 1 });
    await this.#connection.attempt({ verb: 'reach' }, () => first.next(), signal);
  }
}

function capabilitiesFrom({ put, part, conditionalWrites, conditionalDeletes, listing }: Facts): Capabilities {
  return {
    listing: listing.ordered ? 'ordered' : 'unordered',
    listsAfter: listing.ordered && listing.startsFrom,
    attests: { ...(put && { put }), ...(part && { upload: `${part} of every part` as const }) },
    wants: { put: put ? [put] : [], part: part ? [part] : [], upload: [] },
    conditionalWrites,
    conditionalDeletes,
    parallelReads: 4,
    limits,
  };
}
