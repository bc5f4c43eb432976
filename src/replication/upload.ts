import type { OpenUploadRow } from '../catalog/uploads.ts';
import type { Digest } from '../objects/checksum.ts';
import { ProviderError } from '../objects/errors.ts';
import type { Part } from '../providers/provider.ts';
import {
  alsoForSource,
  contentOf,
  requireArrived,
  requireDigest,
  streamOf,
  wanted,
  type CopyJob,
  type CopyOptions,
  type CopyResult,
} from './copy-job.ts';
import { checksumsOf, Hasher } from './hash.ts';
import { Drag } from './drag.ts';
import { Lane, type HashedPart } from './lane.ts';
import { PartBuffers } from './part-buffers.ts';
import { inRanges, type Buffers } from './read-ranges.ts';
import { inParts, type ObjectStream } from './read-source.ts';
import { sideBySide, type Errand, type Surroundings } from './side-by-side.ts';
import type { Content } from './store.ts';

/** Parts of one object that may be under way at once: enough to keep every target busy while the next is read. */
const partsUnderWay = 4;

/** So many more where parts are read side by side: else those that are sent leave too few to be read. */
const moreBeingRead = 2;

export interface UploadPlan {
  readonly partSize: number;
  /** What is remembered of earlier uploads to the destinations. */
  readonly recorded: readonly OpenUploadRow[];
}

/** A large object, part by part: read once, hashed in order, sent to all destinations from the same buffer. */
export async function uploadInParts(
  job: CopyJob,
  plan: UploadPlan,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<CopyResult> {
  await using fan = new Fan(job, plan, options, signal);
  return await fan.run();
}

/** The lanes of one object, fed from one read. Disposing leaves or throws away whatever did not become visible. */
class Fan implements AsyncDisposable {
  readonly stream: ObjectStream;
  readonly lanes: readonly Lane[];
  readonly #job: CopyJob;
  readonly #partSize: number;
  readonly #options: CopyOptions;
  readonly #signal: AbortSignal;
  readonly #buffers: PartBuffers;
  readonly #drag: Drag;
  readonly #sending = new Set<Promise<void>>();
  /** What ended the work on all lanes. */
  #broken: unknown;

  constructor(job: CopyJob, { partSize, recorded }: UploadPlan, options: CopyOptions, signal: AbortSignal) {
    this.#job = job;
    this.#partSize = partSize;
    this.#options = options;
    this.#signal = signal;
    const most = this.#readsSideBySide ? partsUnderWay + moreBeingRead : partsUnderWay;
    this.#buffers = new PartBuffers(partSize, most, options.budget);
    this.#drag = new Drag(options.clock, options.convoy);
    this.stream = streamOf(job, options, signal);
    this.lanes = job.destinations.map((to) => new Lane(to, job, partSize, options, recorded));
  }

  async run(): Promise<CopyResult> {
    try {
      return await this.#run();
    } catch (error) {
      this.#broken = this.#signal.aborted ? brokenOff(this.#job) : error;
      throw error;
    }
  }

  async #run(): Promise<CopyResult> {
    const digest = await this.sendAll();
    if (digest === null) return { read: null, outcomes: this.outcomes() };
    requireDigest(this.#job, digest, this.stream.from);
    const content = contentOf(this.#job, digest, this.stream.head);
    this.#buffers.trim();
    await this.#finish(content);
    return { read: { digest, attributes: content.attributes, from: this.stream.from }, outcomes: this.outcomes() };
  }

  /** What a target holds may be read back, which takes long: nobody else's outcome waits for one that does not get on. */
  async #finish(content: Content): Promise<void> {
    const lanes = this.lanes.filter((lane) => !lane.failed);
    const errands = lanes.map((lane) => this.#errand(lane, async (own) => await lane.finish(content, own)));
    await sideBySide(errands, this.#surroundings(this.#partSize * partsUnderWay));
  }

  outcomes(): CopyResult['outcomes'] {
    return new Map(this.lanes.map((lane) => [lane.to.name, lane.outcome]));
  }

  /** @returns the digest of all bytes, or null when every lane failed on the way. */
  async sendAll(): Promise<Digest | null> {
    const { size } = this.#job.from;
    let hasher: Hasher | undefined;
    const algorithms = wanted(this.#job, 'part');
    let number = 0;
    for await (const bytes of this.#parts()) {
      hasher ??= await this.#hasher();
      hasher.update(bytes);
      const offset = number * this.#partSize;
      number += 1;
      const part: Part = { number, offset, bytes, checksums: await checksumsOf(bytes, algorithms) };
      while (this.#sending.size >= partsUnderWay) await this.#drag.reading(() => Promise.race(this.#sending));
      this.#send({ ...part, upTo: hasher.sha256SoFar() }, offset + bytes.length === size);
      if (this.lanes.every((lane) => lane.failed)) return null;
    }
    await Promise.all(this.#sending);
    if (this.lanes.every((lane) => lane.failed)) return null;
    const digest = (hasher ?? (await this.#hasher())).digest();
    requireArrived(this.#job, this.stream.head, digest);
    return digest;
  }

  /** In order. Read side by side where that pays. */
  #parts(): AsyncGenerator<Buffer, void, undefined> {
    const { size, parallelReads: most = 1 } = this.#job.from;
    const [buffers, partSize, signal] = [this.#buffers, this.#partSize, this.#signal];
    const take = async (): Promise<Buffer> => await this.#drag.reading(() => buffers.take(signal));
    if (!this.#readsSideBySide) return inParts(this.stream, size, partSize, take);
    const ours: Buffers = {
      take,
      tryTake: () => buffers.tryTake(),
      get nextReturn() {
        return buffers.nextReturn;
      },
      giveBack: (buffer) => buffers.give(buffer, true),
    };
    return inRanges(this.stream, { size, partSize, most }, ours, signal);
  }

  get #readsSideBySide(): boolean {
    const { size, parallelReads = 1 } = this.#job.from;
    return parallelReads > 1 && size >= 2 * this.#partSize;
  }

  /** Made once reading began: what the source says of its bytes decides too what is computed. */
  async #hasher(): Promise<Hasher> {
    return await Hasher.create([...wanted(this.#job, 'upload'), ...alsoForSource(this.stream.head)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sending);
    await Promise.all(this.lanes.map(async (lane) => await lane.end(this.#broken)));
    this.#buffers[Symbol.dispose]();
  }

  #send(part: HashedPart, last: boolean): void {
    const attributes = this.#job.attributes ?? this.stream.head.attributes;
    const lanes = this.lanes.filter((lane) => !lane.failed);
    const sentBy = this.#drag.part(lanes.length);
    const errands = lanes.map((lane) =>
      this.#errand(lane, async (own) => {
        // What was there already says nothing of how fast anybody is.
        if (await lane.send(part, attributes, own)) sentBy(lane.to.name);
      }),
    );
    const sent = sideBySide(errands, this.#surroundings(part.bytes.length)).then(() => {
      this.#sending.delete(sent);
      // A provider may keep the last part back until the upload is completed.
      if (!last) this.#buffers.give(part.bytes, !lanes.some((lane) => lane.failed));
    });
    this.#sending.add(sent);
  }

  #errand(lane: Lane, run: (own: AbortSignal) => Promise<void>): Errand<void> {
    const isUnwell = (): boolean => lane.to.isUnwell?.() === true;
    return { name: lane.to.name, run, isUnwell, progressedAt: () => lane.progressedAt };
  }

  #surroundings(bytes: number): Surroundings {
    const { clock, convoy } = this.#options;
    return { key: this.#job.from.key, bytes, clock, convoy, signal: this.#signal };
  }
}

function brokenOff({ from }: CopyJob): ProviderError {
  const { provider, key } = from;
  return new ProviderError('aborted', `copying ${key} was broken off`, { provider: provider.name, key });
}
