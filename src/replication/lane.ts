import { ProviderError, type ErrorCode } from '../objects/errors.ts';
import type { Attributes } from '../objects/object.ts';
import type { OpenUploadRow } from '../catalog/uploads.ts';
import type { Part, StoredCopy, Upload } from '../providers/provider.ts';
import { asProviderError, keyAtDestinations, type CopyJob, type CopyOptions } from './copy-job.ts';
import { openUpload, type OpenedUpload } from './open-upload.ts';
import { afterConflict, proven, whatStands, type Content, type Destination, type Stored } from './store.ts';

/** How often one part is sent that arrives damaged. */
const maxSends = 3;

/** How long throwing an unfinished upload away may take. */
const abandonWithin = 15_000;

/** Causes that say nothing against what was sent so far: the next attempt goes on with it. */
const worthResuming: ReadonlySet<ErrorCode> = new Set(['unavailable', 'throttled', 'denied', 'aborted']);

/** A part of the object, and the SHA-256 (hex) of all bytes up to its end. */
export interface HashedPart extends Part {
  readonly upTo: string;
}

/** One destination of an object that travels in parts. Its failure is its outcome and stops nobody else. */
export class Lane {
  readonly to: Destination;
  readonly #job: CopyJob;
  readonly #partSize: number;
  readonly #options: CopyOptions;
  readonly #recorded: readonly OpenUploadRow[];
  #opening: Promise<OpenedUpload | 'standing'> | undefined;
  /** The sends so far, for a provider that takes parts only one after the other. */
  #tail: Promise<void> = Promise.resolve();
  #outcome: Stored | ProviderError | undefined;
  #visible = false;
  #progressedAt: number;

  /** `recorded`: what is remembered of earlier uploads to all destinations. */
  constructor(
    to: Destination,
    job: CopyJob,
    partSize: number,
    options: CopyOptions,
    recorded: readonly OpenUploadRow[],
  ) {
    this.to = to;
    this.#recorded = recorded.filter((row) => row.target === to.name);
    this.#job = job;
    this.#partSize = partSize;
    this.#options = options;
    this.#progressedAt = options.clock.now();
  }

  get failed(): boolean {
    return this.#outcome instanceof ProviderError;
  }

  /** When it last began or ended a part, or had as much read back, in milliseconds since the epoch. */
  get progressedAt(): number {
    return this.#progressedAt;
  }

  get outcome(): Stored | ProviderError {
    return (
      this.#outcome ??
      new ProviderError('aborted', `copying to ${this.to.name} was broken off`, { provider: this.to.name })
    );
  }

  /** Sends one part. Its failure is the lane's outcome, and is thrown. @returns false when it was there already. */
  async send(part: HashedPart, attributes: Attributes, signal: AbortSignal): Promise<boolean> {
    if (this.to.capabilities.limits.part.order === 'any') return await this.#sendNow(part, attributes, signal);
    const sent = this.#tail.then(async () => await this.#sendNow(part, attributes, signal));
    this.#tail = sent.then(
      () => undefined,
      () => undefined,
    );
    return await sent;
  }

  /** Makes the object visible and makes sure of it. Its failure is the lane's outcome, and is thrown. */
  async finish(content: Content, signal: AbortSignal): Promise<void> {
    try {
      this.#progressedAt = this.#options.clock.now();
      const opened = await this.#open(content.attributes, signal);
      this.#outcome =
        opened === 'standing' ? await this.#adopt(content, signal) : await this.#complete(opened, content, signal);
    } catch (error) {
      throw this.#fail(error, signal);
    }
  }

  /** One that trickles does not get on: only a part's worth of bytes counts. */
  #readingBack(): CopyOptions {
    let bytes = 0;
    const onBytes = (more: number): void => {
      this.#options.onBytes(more);
      bytes += more;
      if (bytes < this.#partSize) return;
      bytes = 0;
      this.#progressedAt = this.#options.clock.now();
    };
    return { ...this.#options, onBytes };
  }

  /**
   * Leaves an upload that did not become visible to the next attempt, or throws it away. `broken`: what ended the work on
   * all destinations, if something did.
   */
  async end(broken: unknown): Promise<void> {
    const opened = await this.#opening?.catch(() => undefined);
    if (opened === undefined || opened === 'standing') return;
    const failure = this.failed ? this.#outcome : broken;
    const resumable = opened.entry !== undefined && failure instanceof ProviderError && worthResuming.has(failure.code);
    if (resumable) await this.#leave(opened);
    else if (!this.#visible) await this.#throwAway(opened);
    // The copy's own upload is dropped together with its settlement, so that a crash until then costs nothing.
    else if (this.failed || this.#job.as !== undefined) await opened.entry?.end('over');
  }

  async #leave({ upload, entry }: OpenedUpload): Promise<void> {
    await entry?.flush();
    if (!this.#visible) await upload.leave();
  }

  /** Noted first, so that whoever lost the lease meanwhile does not throw away what another one has taken up. */
  async #throwAway({ upload, entry }: OpenedUpload): Promise<void> {
    if (entry !== undefined && !(await entry.end('given-up'))) return await upload.leave();
    try {
      const tooLate = new AbortController();
      const cancel = this.#options.clock.after(abandonWithin, () => tooLate.abort());
      await upload.abort(tooLate.signal).finally(cancel);
      await entry?.end('over');
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      const fields = { provider: this.to.name, key: this.#job.from.key, error };
      this.#options.log.debug(
        fields,
        'an unfinished upload could not be thrown away; the provider may still hold its parts',
      );
    }
  }

  async #sendNow(part: HashedPart, attributes: Attributes, signal: AbortSignal): Promise<boolean> {
    if (this.#outcome instanceof ProviderError) throw this.#outcome;
    try {
      const opened = await this.#open(attributes, signal);
      // It is most likely there already; once all bytes were read, that is made sure of.
      if (opened === 'standing') return false;
      this.#progressedAt = this.#options.clock.now();
      const kept = await opened.keeps(part, part.upTo, signal);
      if (!kept) await sendUndamaged(opened.upload, part, signal);
      opened.entry?.taken(part.number, part.upTo);
      this.#progressedAt = this.#options.clock.now();
      return !kept;
    } catch (error) {
      throw this.#fail(error, signal);
    }
  }

  async #open(attributes: Attributes, signal: AbortSignal): Promise<OpenedUpload | 'standing'> {
    const { from, sourceVersion: version } = this.#job;
    const what = { to: this.to, key: keyAtDestinations(this.#job), version, size: from.size, attributes };
    const { uploads: journal, log } = this.#options;
    const opening = { ...what, partSize: this.#partSize, journal, recorded: this.#recorded, log };
    this.#opening ??= openUpload(opening, signal);
    return await this.#opening;
  }

  async #adopt(content: Content, signal: AbortSignal): Promise<Stored> {
    const found = await whatStands(this.to, content, this.#readingBack(), signal);
    if (found !== undefined) return found;
    const { name: provider } = this.to;
    const message = `what stood at ${content.key} at ${provider} a moment ago is gone; the object is copied anew`;
    throw new ProviderError('conflict', message, { provider, key: content.key });
  }

  async #complete({ upload, entry }: OpenedUpload, content: Content, signal: AbortSignal): Promise<Stored> {
    let stored: StoredCopy;
    try {
      stored = await upload.complete(content.digest, content.record, signal);
      this.#visible = true;
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      const adopted = await afterConflict(error, this.to, content, this.#readingBack(), signal);
      if (adopted === undefined) throw error;
      return adopted;
    }
    const copy = await proven(this.to, content, stored, this.#readingBack(), signal);
    return entry === undefined ? copy : { ...copy, upload: entry.row.id };
  }

  /** The first failure is the lane's outcome; one that was left behind fails for that reason. */
  #fail(error: unknown, signal: AbortSignal): ProviderError {
    const { reason } = signal as { readonly reason: unknown };
    const failure = reason instanceof ProviderError ? reason : asProviderError(error, this.to.name, this.#job.from.key);
    this.#outcome ??= failure;
    return failure;
  }
}

async function sendUndamaged(upload: Upload, part: Part, signal: AbortSignal): Promise<void> {
  for (let sends = 1; ; sends += 1) {
    try {
      await upload.part(part, signal);
      return;
    } catch (error) {
      const damaged = error instanceof ProviderError && error.code === 'checksum-mismatch';
      if (!damaged || sends === maxSends) throw error;
    }
  }
}
