import { ProviderError } from '../objects/errors.ts';
import type { Attributes } from '../objects/object.ts';
import type { Part, StoredCopy, Upload } from '../providers/provider.ts';
import { asProviderError, keyAtDestinations, type CopyJob, type CopyOptions } from './copy-job.ts';
import { afterConflict, preconditionFor, proven, type Content, type Destination, type Stored } from './store.ts';

/** How often one part is sent that arrives damaged. */
const maxSends = 3;

/** How long throwing an unfinished upload away may take. */
const abandonWithin = 15_000;

/** One destination of an object that travels in parts. Its failure is its outcome and stops nobody else. */
export class Lane {
  readonly to: Destination;
  readonly #job: CopyJob;
  readonly #partSize: number;
  readonly #options: CopyOptions;
  #opening: Promise<Upload> | undefined;
  /** The sends so far, for a provider that takes parts only one after the other. */
  #tail: Promise<void> = Promise.resolve();
  #outcome: Stored | ProviderError | undefined;
  #visible = false;
  #progressedAt: number;

  constructor(to: Destination, job: CopyJob, partSize: number, options: CopyOptions) {
    this.to = to;
    this.#job = job;
    this.#partSize = partSize;
    this.#options = options;
    this.#progressedAt = options.clock.now();
  }

  get failed(): boolean {
    return this.#outcome instanceof ProviderError;
  }

  /** When it last began or ended a part, in milliseconds since the epoch. */
  get progressedAt(): number {
    return this.#progressedAt;
  }

  get outcome(): Stored | ProviderError {
    return (
      this.#outcome ??
      new ProviderError('aborted', `copying to ${this.to.name} was broken off`, { provider: this.to.name })
    );
  }

  /** Sends one part. Its failure is the lane's outcome, and is thrown. */
  async send(part: Part, attributes: Attributes, signal: AbortSignal): Promise<void> {
    if (this.to.capabilities.limits.part.order === 'any') return await this.#sendNow(part, attributes, signal);
    const sent = this.#tail.then(async () => await this.#sendNow(part, attributes, signal));
    this.#tail = sent.catch(() => undefined);
    await sent;
  }

  /** Makes the object visible and makes sure of it; never rejects. */
  async finish(content: Content, signal: AbortSignal): Promise<void> {
    if (this.failed) return;
    try {
      const upload = await this.#open(content.attributes, signal);
      this.#outcome = await this.#complete(upload, content, signal);
    } catch (error) {
      this.#fail(error, signal);
    }
  }

  /** Throws away an upload that did not become visible. */
  async abandon(): Promise<void> {
    if (this.#opening === undefined || this.#visible) return;
    try {
      const upload = await this.#opening;
      await upload.abort(AbortSignal.timeout(abandonWithin));
    } catch (error) {
      const fields = { provider: this.to.name, key: this.#job.from.key, error };
      this.#options.log.debug(
        fields,
        'an unfinished upload could not be thrown away; the provider may still hold its parts',
      );
    }
  }

  async #sendNow(part: Part, attributes: Attributes, signal: AbortSignal): Promise<void> {
    if (this.#outcome instanceof ProviderError) throw this.#outcome;
    try {
      const upload = await this.#open(attributes, signal);
      this.#progressedAt = this.#options.clock.now();
      await sendUndamaged(upload, part, signal);
      this.#progressedAt = this.#options.clock.now();
    } catch (error) {
      throw this.#fail(error, signal);
    }
  }

  async #open(attributes: Attributes, signal: AbortSignal): Promise<Upload> {
    const { size } = this.#job.from;
    const options = { size, partSize: this.#partSize, attributes, precondition: preconditionFor(this.to.occupied) };
    this.#opening ??= this.to.provider.startUpload(keyAtDestinations(this.#job), options, signal);
    return await this.#opening;
  }

  async #complete(upload: Upload, content: Content, signal: AbortSignal): Promise<Stored> {
    let stored: StoredCopy;
    try {
      stored = await upload.complete(content.digest, content.record, signal);
      this.#visible = true;
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      const adopted = await afterConflict(error, this.to, content, this.#options, signal);
      if (adopted === undefined) throw error;
      return adopted;
    }
    return await proven(this.to, content, stored, this.#options, signal);
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
