import { ProviderError } from '../../objects/errors.ts';
import { reservedPrefix } from '../../objects/key.ts';
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
import { abortUpload } from './abort-upload.ts';
import type { S3Connection } from './client.ts';
import { openConnection } from './client.ts';
import { deleteObject } from './delete.ts';
import { examineChecksums } from './examine-checksums.ts';
import { examineRights } from './examine-rights.ts';
import { examineBucket, type ObjectLock } from './examine.ts';
import type { ServerFacts } from './facts.ts';
import { capabilitiesOf, unrestrictedKeys } from './facts.ts';
import { headObject } from './head.ts';
import { refusalOf } from './keys.ts';
import { listObjects } from './listing.ts';
import { ofProbe, parseCheckpoint, probeUploads, uploadsAt } from './open-uploads.ts';
import type { S3Options } from './options.ts';
import { probeListing } from './probe-keys.ts';
import { probeTarget } from './probe.ts';
import { putObject } from './put.ts';
import { readObject } from './reader.ts';
import { resumeUpload, startUpload } from './upload.ts';

export { canHoldKey } from './keys.ts';
export type { S3Options } from './options.ts';

/** AWS S3, or any server that speaks its protocol. Loads the SDK; sends nothing yet. */
export async function openS3(options: S3Options): Promise<ExaminableProvider> {
  const { root = '' } = options;
  const place = { root, reserved: `${root}${reservedPrefix}` };
  return new S3Provider(await openConnection(options, place.reserved), place);
}

/** What holds until `connect` has found out more: nothing is proven. */
const unknownServer: ServerFacts = {
  unsignedParts: false,
  conditionalWrites: false,
  conditionalDeletes: false,
  keepsReplaced: false,
  listing: 'ordered',
  listsAfter: false,
  keys: unrestrictedKeys,
  probed: false,
};

class S3Provider implements ExaminableProvider {
  readonly name: string;
  readonly #connection: S3Connection;
  readonly #place: Place;
  readonly #known = new Map<ProviderRole, Capabilities>();
  #facts = unknownServer;

  constructor(connection: S3Connection, place: Place) {
    this.name = connection.name;
    this.#connection = connection;
    this.#place = place;
  }

  async connect(role: ProviderRole, signal: AbortSignal): Promise<Capabilities> {
    const known = this.#known.get(role);
    if (known !== undefined) return known;
    const facts = await this.#learn(role, signal);
    // What a probe proved stays known when the same provider is a source as well: how it lists is the same in every role.
    if (facts.probed || !this.#facts.probed) this.#facts = facts;
    const { listing, listsAfter } = this.#facts;
    const capabilities = capabilitiesOf({ ...facts, listing, listsAfter });
    this.#known.set(role, capabilities);
    return capabilities;
  }

  list(options: ListOptions, signal: AbortSignal): AsyncIterable<ListPage> {
    return listObjects(this.#connection, this.#facts, options, signal);
  }

  async head(key: Key, signal: AbortSignal): Promise<ObjectHead> {
    this.#refuseOdd(key);
    return headObject(this.#connection, this.#facts, key, signal);
  }

  async read(key: Key, options: ReadOptions, signal: AbortSignal): Promise<ObjectReader> {
    this.#refuseOdd(key);
    return readObject(this.#connection, this.#facts, key, options, signal);
  }

  async put(key: Key, bytes: Buffer, options: PutOptions, signal: AbortSignal): Promise<StoredCopy> {
    this.#refuseOdd(key);
    return putObject(this.#connection, this.#facts, key, bytes, options, signal);
  }

  async startUpload(key: Key, options: UploadOptions, signal: AbortSignal): Promise<Upload> {
    this.#refuseOdd(key);
    return startUpload(this.#connection, this.#facts, key, options, signal);
  }

  async resumeUpload(
    key: Key,
    options: UploadOptions,
    checkpoint: string,
    signal: AbortSignal,
  ): Promise<ResumedUpload | undefined> {
    this.#refuseOdd(key);
    return resumeUpload(this.#connection, this.#facts, key, options, checkpoint, signal);
  }

  async abortUpload(key: Key | null, checkpoint: string, signal: AbortSignal): Promise<void> {
    const { uploadId } = parseCheckpoint(checkpoint);
    const upload = key === null ? ofProbe(this.#connection, checkpoint) : { key, uploadId };
    if (upload !== undefined) await abortUpload(this.#connection, upload.key, upload.uploadId, signal);
  }

  async listUploads(key: Key | null, known: readonly string[], signal: AbortSignal): Promise<readonly OpenUpload[]> {
    if (key === null) return await probeUploads(this.#connection, signal);
    return await uploadsAt(this.#connection, this.#facts, key, known, signal);
  }

  async delete(key: Key, options: DeleteOptions, signal: AbortSignal): Promise<void> {
    // A key that cannot be held is not there; asked to delete it, a server that folds paths would delete another.
    if (refusalOf(key, this.#facts.keys) === undefined) await deleteObject(this.#connection, key, options, signal);
  }

  examine({ role, clock }: ExamineOptions, signal: AbortSignal): Promise<Examination> {
    const [connection, place] = [this.#connection, this.#place];
    let lock: ObjectLock = 'none';
    const trials: Trials = {
      look: async (notes) => void (lock = await examineBucket(connection, place, clock, notes, signal)),
      attempt: async (notes, capabilities) => {
        await tryDeletingObjects(this, place, notes, signal);
        await examineChecksums(connection, capabilities, place, notes, signal);
        await examineRights(connection, place, { lock, clock }, notes, signal);
      },
    };
    return conduct(this, place, role, trials, signal);
  }

  close(): Promise<void> {
    this.#connection.client.destroy();
    return Promise.resolve();
  }

  async #learn(role: ProviderRole, signal: AbortSignal): Promise<ServerFacts> {
    if (role === 'target') return probeTarget(this.#connection, signal);
    return { ...unknownServer, ...(await probeListing(this.#connection, signal)) };
  }

  #refuseOdd(key: Key): void {
    const reason = refusalOf(key, this.#facts.keys);
    if (reason === undefined) return;
    const message = `${JSON.stringify(key)} cannot be held in bucket "${this.#connection.bucket}": ${reason}`;
    throw new ProviderError('unsupported', message, { provider: this.name, key });
  }
}
