import { randomBytes } from 'node:crypto';
import type { Digest } from '../../objects/checksum.ts';
import type { ErrorCode, ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { CopyRecord } from '../../objects/object.ts';
import type { Part, ResumedUpload, StoredCopy, Upload, UploadOptions } from '../provider.ts';
import { descriptionKey } from '../description.ts';
import { describeLater } from '../record.ts';
import { answeredLate } from '../sockets.ts';
import type { GcsClient } from './client.ts';
import { operation } from './client.ts';
import { fail } from './errors.ts';
import { rules, writtenHeaders } from './metadata.ts';
import { remove } from './objects.ts';
import type { Resource } from './resource.ts';
import type { Progress, Session } from './session.ts';
import { cancelSession, progressIfThere, queryProgress, sendChunk, startSession } from './session.ts';
import type { Reports } from './writing.ts';
import { settled, writeDescription } from './writing.ts';

/**
 * A resumable upload. Its last chunk makes the object visible, so it is kept back until `complete` knows the
 * digest, which goes with it.
 */
export async function startUpload(
  client: GcsClient,
  key: Key,
  options: UploadOptions,
  reports: () => Reports,
  signal: AbortSignal,
): Promise<Upload> {
  const { attributes, size, precondition } = options;
  const id = randomBytes(16).toString('hex');
  const object = { name: key, ...writtenHeaders(attributes), metadata: describeLater(attributes, id, rules) };
  const session = await startSession(client, object, size, precondition, signal);
  return new GcsUpload(session, { id, options, reports });
}

/** Takes up a session of ours with what the server says it has. One that made its object is over. */
export async function resumeUpload(
  client: GcsClient,
  key: Key,
  options: UploadOptions,
  checkpoint: string,
  reports: () => Reports,
  signal: AbortSignal,
): Promise<ResumedUpload | undefined> {
  const { path, id } = JSON.parse(checkpoint) as GcsCheckpoint;
  const { size, attributes } = options;
  const object = { name: key, ...writtenHeaders(attributes), metadata: describeLater(attributes, id, rules) };
  const session: Session = { client, object, size, path };
  const progress = await progressIfThere(session, signal);
  if (progress === undefined || 'finished' in progress) return undefined;
  return new GcsUpload(session, { id, options, reports }, progress.received);
}

export async function abortUpload(client: GcsClient, key: Key, checkpoint: string, signal: AbortSignal): Promise<void> {
  const { path } = JSON.parse(checkpoint) as GcsCheckpoint;
  await cancelSession({ client, object: { name: key, contentType: '' }, size: 0, path }, signal);
}

interface GcsCheckpoint {
  readonly path: string;
  readonly id: string;
}

interface UploadContext {
  /** Of the description, which is written right before the last chunk. */
  readonly id: string;
  readonly options: UploadOptions;
  readonly reports: () => Reports;
}

class GcsUpload implements ResumedUpload {
  readonly #session: Session;
  readonly #context: UploadContext;
  /** Bytes the server has, unless it is `#uncertain` because a request was not answered. */
  #received: number;
  #uncertain = false;
  #last: Part | undefined;
  #described = false;
  #finished: Resource | undefined;
  #stored = false;

  constructor(session: Session, context: UploadContext, received = 0) {
    this.#session = session;
    this.#context = context;
    this.#received = received;
  }

  get checkpoint(): string {
    const checkpoint: GcsCheckpoint = { path: this.#session.path, id: this.#context.id };
    return JSON.stringify(checkpoint);
  }

  /** The server tells only how many bytes it has; whether they are those, the checksum of the whole decides at the end. */
  async keep(part: Part, signal: AbortSignal): Promise<boolean> {
    this.#requireCalm(signal);
    const end = part.offset + part.bytes.length;
    return end < this.#session.size && end <= this.#received;
  }

  async part(part: Part, signal: AbortSignal): Promise<void> {
    this.#requireCalm(signal);
    const { size } = this.#session;
    if (part.offset + part.bytes.length >= size) this.#last = part;
    else await this.#send(part.offset, part.bytes, undefined, signal);
  }

  async complete(digest: Digest, record: CopyRecord, signal: AbortSignal): Promise<StoredCopy> {
    this.#requireCalm(signal);
    const { client, size } = this.#session;
    const { offset, bytes } = this.#last ?? { offset: 0, bytes: Buffer.alloc(0) };
    if (offset + bytes.length !== size) throw this.#failure('invalid', 'the last part was not sent');
    await this.#describe(record, signal);
    await answeredLate(() => this.#send(offset, bytes, digest.crc32c, signal));
    if (this.#finished === undefined) throw this.#failure('invalid', 'it made no object of the bytes it has');
    const sent = { size, crc32c: digest.crc32c };
    const stored = await settled(client, this.#finished, sent, this.#context.reports(), signal);
    this.#stored = true;
    return stored;
  }

  async #describe(record: CopyRecord, signal: AbortSignal): Promise<void> {
    if (this.#described) return;
    const { id, options } = this.#context;
    await writeDescription(this.#session.client, id, { record, attributes: options.attributes }, signal);
    this.#described = true;
  }

  async abort(signal: AbortSignal): Promise<void> {
    const { client } = this.#session;
    if (await this.#madeItUnheard(signal)) return;
    if (this.#finished === undefined) await cancelSession(this.#session, signal);
    const description = descriptionKey(client.reserved, this.#context.id);
    if (this.#described && !this.#stored) await remove(client, description, {}, signal);
  }

  async leave(): Promise<void> {}

  /** A last chunk whose answer was lost may have made the object, which would be nothing known without its description. */
  async #madeItUnheard(signal: AbortSignal): Promise<boolean> {
    if (!this.#uncertain || !this.#described) return false;
    const progress = await progressIfThere(this.#session, signal);
    return progress !== undefined && 'finished' in progress;
  }

  /**
   * Sends what the server does not have yet of `bytes`, and asks it first when that is not known. After the last
   * chunk the server answers with the object; should it have all bytes and no object, an empty chunk makes it try.
   */
  async #send(offset: number, bytes: Buffer, crc32c: string | undefined, signal: AbortSignal): Promise<void> {
    const end = offset + bytes.length;
    const last = end >= this.#session.size;
    if (this.#uncertain) await this.#learn(queryProgress(this.#session, signal));
    while (this.#finished === undefined && (last || this.#received < end)) {
      const from = this.#received;
      if (from < offset) throw this.#failure('conflict', `it lost the bytes from ${from} on; it has to begin anew`);
      await this.#learn(
        sendChunk(this.#session, from, bytes.subarray(from - offset), last ? crc32c : undefined, signal),
      );
      if (this.#finished === undefined && this.#received === from) {
        throw this.#failure('unavailable', `it took nothing of the bytes from ${from} on`);
      }
    }
  }

  /** Until a request is answered, nobody knows how much of it arrived. */
  async #learn(request: Promise<Progress>): Promise<void> {
    this.#uncertain = true;
    const progress = await request;
    this.#uncertain = false;
    if ('finished' in progress) this.#finished = progress.finished;
    this.#received = 'finished' in progress ? this.#session.size : progress.received;
  }

  /** Some steps make no request that would notice. */
  #requireCalm(signal: AbortSignal): void {
    if (signal.aborted) throw this.#failure('aborted', 'the call was aborted');
  }

  #failure(code: ErrorCode, what: string): ProviderError {
    const { client, object } = this.#session;
    return fail(code, what, operation(client, 'upload', object.name));
  }
}
