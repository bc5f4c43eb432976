import type { Clock } from '../../objects/clock.ts';
import { systemClock } from '../../objects/clock.ts';
import type { Key } from '../../objects/key.ts';
import { reservedPrefix } from '../../objects/key.ts';
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
import type { ProxyEnvironment } from '../sockets.ts';
import { getBucket } from './bucket.ts';
import { capabilitiesOf, reportsOf, traitsOf } from './capabilities.ts';
import type { GcsClient } from './client.ts';
import { anonymous, authorizeWith } from './credentials.ts';
import type { ExaminableProvider, Examination, ExamineOptions } from '../examination.ts';
import type { Place } from '../canaries.ts';
import { conduct, tryDeletingObjects, type Trials } from '../examine-use.ts';
import { requireKey } from './key.ts';
import { listObjects, type ListingTraits } from './listing.ts';
import { remove } from './objects.ts';
import { removeGeneration } from './delete.ts';
import { examineChecksums, examineRights } from './examine-rights.ts';
import { examineBucket } from './examine.ts';
import type { Findings } from './probe.ts';
import { probe } from './probe.ts';
import { sourceProvesStart } from './probe-start.ts';
import { headObject, readObject } from './reading.ts';
import { abortUpload, resumeUpload, startUpload } from './upload.ts';
import { openWire } from '../wire.ts';
import { putObject } from './writing.ts';

export { canHoldKey } from './key.ts';

export interface GcsOptions {
  readonly name: string;
  readonly bucket: string;
  readonly projectId?: string;
  /** Path of a service account's JSON key. Default: the application default credentials. */
  readonly keyFile?: string;
  /** Default: `https://storage.googleapis.com`. One with plain http is an emulator, used without credentials. */
  readonly endpoint?: string;
  /** Where Holdfast's own objects go: `<root>.holdfast/…`. For credentials that may only write below a prefix. Default: ''. */
  readonly root?: string;
  readonly clock?: Clock;
  /** How long to wait for a connection (10 s) and for the next byte (120 s), in milliseconds. */
  readonly timeouts?: { readonly connectMs?: number; readonly idleMs?: number };
  /** The environment, for the proxy it names. The SDK's requests for tokens look there by themselves. */
  readonly proxyEnv?: ProxyEnvironment;
}

/** How long it counts that the bucket's versioning was seen to be on, in milliseconds. */
const askAgainAfter = 10_000;

const defaultEndpoint = 'https://storage.googleapis.com';

/** Google Cloud Storage, through its JSON API. Opens no connection before the first call. */
export function openGcs(options: GcsOptions): ExaminableProvider {
  const { name, bucket, root = '', clock = systemClock, proxyEnv } = options;
  const timeouts = { connectMs: 10_000, idleMs: 120_000, ...options.timeouts };
  const wire = openWire(new URL(options.endpoint ?? defaultEndpoint), timeouts, proxyEnv);
  const authorize = wire.secure ? authorizeWith(options) : anonymous;
  const place = { root, reserved: root + reservedPrefix };
  const client = { provider: name, bucket, reserved: place.reserved, clock, wire, authorize };
  return new Gcs(client, place, options.projectId);
}

class Gcs implements ExaminableProvider {
  readonly name: string;
  readonly #client: GcsClient;
  readonly #place: Place;
  readonly #projectId: string | undefined;
  #findings: Findings | undefined;
  #sourceStartsAt: boolean | undefined;
  #versioning = { isOn: false, askedAt: Number.NEGATIVE_INFINITY };

  constructor(client: GcsClient, place: Place, projectId: string | undefined) {
    this.name = client.provider;
    this.#client = client;
    this.#place = place;
    this.#projectId = projectId;
  }

  async connect(role: ProviderRole, signal: AbortSignal): Promise<Capabilities> {
    const versioning = this.#findings === undefined && (await getBucket(this.#client, signal));
    if (role === 'target') this.#findings ??= await probe(this.#client, versioning, signal);
    else if (this.#findings === undefined) {
      this.#sourceStartsAt ??= await sourceProvesStart(this.#client, this.#place.root, signal);
    }
    return capabilitiesOf(this.#findings, this.#sourceStartsAt === true);
  }

  list(options: ListOptions, signal: AbortSignal): AsyncIterable<ListPage> {
    return listObjects(this.#client, options, this.#traits, signal);
  }

  async head(key: Key, signal: AbortSignal): Promise<ObjectHead> {
    requireKey(this.name, key);
    const head = await headObject(this.#client, key, this.#traits.trusted, signal);
    return (await this.#keepsReplaced(signal)) ? { ...head, versionId: head.version } : head;
  }

  async read(key: Key, options: ReadOptions, signal: AbortSignal): Promise<ObjectReader> {
    requireKey(this.name, key);
    return readObject(this.#client, key, options, this.#traits.trusted, signal);
  }

  async put(key: Key, bytes: Buffer, options: PutOptions, signal: AbortSignal): Promise<StoredCopy> {
    requireKey(this.name, key);
    return putObject(this.#client, key, bytes, options, reportsOf(this.#findings).put, signal);
  }

  async startUpload(key: Key, options: UploadOptions, signal: AbortSignal): Promise<Upload> {
    requireKey(this.name, key);
    return startUpload(this.#client, key, options, () => reportsOf(this.#findings).upload, signal);
  }

  async resumeUpload(
    key: Key,
    options: UploadOptions,
    checkpoint: string,
    signal: AbortSignal,
  ): Promise<ResumedUpload | undefined> {
    requireKey(this.name, key);
    // Where asking would end the upload, it is begun anew.
    if (this.#findings?.tellsProgress !== true) return undefined;
    const reports = () => reportsOf(this.#findings).upload;
    return resumeUpload(this.#client, key, options, checkpoint, reports, signal);
  }

  async abortUpload(key: Key | null, checkpoint: string, signal: AbortSignal): Promise<void> {
    if (key !== null) await abortUpload(this.#client, key, checkpoint, signal);
  }

  /** Sessions are known to nobody but who began them, and end after a week. */
  listUploads(): Promise<readonly OpenUpload[]> {
    return Promise.resolve([]);
  }

  async delete(key: Key, { precondition }: DeleteOptions, signal: AbortSignal): Promise<void> {
    requireKey(this.name, key);
    if (precondition === undefined) await remove(this.#client, key, {}, signal);
    else await removeGeneration(this.#client, key, precondition.version, signal);
  }

  examine({ role, clock }: ExamineOptions, signal: AbortSignal): Promise<Examination> {
    const [client, place, projectId] = [this.#client, this.#place, this.#projectId];
    const trials: Trials = {
      look: (notes) => examineBucket(client, place, { clock, projectId }, notes, signal),
      attempt: async (notes, capabilities) => {
        await tryDeletingObjects(this, place, notes, signal);
        await examineChecksums(client, capabilities, place, notes, signal);
        await examineRights(client, place, notes, signal);
      },
    };
    return conduct(this, place, role, trials, signal);
  }

  get #traits(): ListingTraits {
    return traitsOf(this.#findings, this.#sourceStartsAt === true);
  }

  /** Every object has a generation; only the bucket tells whether it outlives its replacement, and that may change. */
  async #keepsReplaced(signal: AbortSignal): Promise<boolean> {
    if (this.#findings?.keepsReplaced !== true) return false;
    const now = this.#client.clock.now();
    if (now - this.#versioning.askedAt >= askAgainAfter) {
      this.#versioning = { isOn: await getBucket(this.#client, signal), askedAt: now };
    }
    return this.#versioning.isOn;
  }

  close(): Promise<void> {
    this.#client.wire.agent.destroy();
    return Promise.resolve();
  }
}
