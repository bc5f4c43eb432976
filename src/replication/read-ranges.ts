import { Leash } from '../objects/leash.ts';
import { inParts, isUnsupported, type ObjectStream } from './read-source.ts';

/** What parts are read into: as many as there are at the moment, and each used again once it came back. */
export interface Buffers {
  /** Waits for one. */
  take(): Promise<Buffer>;
  /** @returns undefined where one would have to be waited for. */
  tryTake(): Buffer | undefined;
  /** Resolves when the next one comes back. */
  readonly nextReturn: Promise<void>;
  /** Gives one back that holds nothing. */
  giveBack(buffer: Buffer): void;
}

export interface Cut {
  readonly size: number;
  /** Of every part but the last. */
  readonly partSize: number;
  /** Ranges that are read side by side, at most. */
  readonly most: number;
}

/**
 * The parts of an object in order, each read by a request of its own, several side by side. Who asks for a part has its
 * buffer already, and needs nothing more to read it to its end: a buffer is waited for only while nothing is being read.
 */
export async function* inRanges(
  stream: ObjectStream,
  cut: Cut,
  buffers: Buffers,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  {
    await using ranges = new Ranges(stream, cut, buffers, signal);
    if (await ranges.areServed()) return yield* ranges.parts();
  }
  yield* inParts(stream, cut.size, cut.partSize, async () => await buffers.take());
}

class Ranges implements AsyncDisposable {
  readonly #stream: ObjectStream;
  readonly #cut: Cut;
  readonly #buffers: Buffers;
  readonly #leash: Leash;
  /** In the order of the object. */
  readonly #underWay: Range[] = [];
  #next = 0;
  /** Some range failed: what comes after it is not worth reading. */
  #broken = false;

  constructor(stream: ObjectStream, cut: Cut, buffers: Buffers, signal: AbortSignal) {
    this.#stream = stream;
    this.#cut = cut;
    this.#buffers = buffers;
    this.#leash = new Leash(signal);
  }

  /** Whether the place answers a request for a range with that range, as far as the first one tells. */
  async areServed(): Promise<boolean> {
    try {
      await this.#first();
      return true;
    } catch (error) {
      if (isUnsupported(error)) return false;
      throw error;
    }
  }

  async *parts(): AsyncGenerator<Buffer, void, undefined> {
    while (this.#underWay.length > 0 || this.#next < this.#cut.size) {
      const part = await this.#first();
      this.#underWay.shift();
      yield part;
    }
  }

  /** Waits for the first of those under way; whenever a buffer comes back meanwhile, one more is begun. */
  async #first(): Promise<Buffer> {
    for (;;) {
      if (this.#underWay.length === 0) this.#begin(await this.#buffers.take());
      this.#beginMore();
      const [first] = this.#underWay;
      const part = await Promise.race([first?.part, this.#buffers.nextReturn]);
      if (part !== undefined) return part;
    }
  }

  #beginMore(): void {
    while (!this.#broken && this.#next < this.#cut.size && this.#underWay.length < this.#cut.most) {
      const buffer = this.#buffers.tryTake();
      if (buffer === undefined) return;
      this.#begin(buffer);
    }
  }

  #begin(buffer: Buffer): void {
    const start = this.#next;
    this.#next = Math.min(start + this.#cut.partSize, this.#cut.size);
    const part = this.#read(start, this.#next, buffer);
    // Looked at when it is its turn; until then its failure must not count as unhandled.
    part.catch(() => void (this.#broken = true));
    this.#underWay.push({ part, buffer });
  }

  async #read(start: number, end: number, buffer: Buffer): Promise<Buffer> {
    let filled = 0;
    for await (const chunk of this.#stream.range(start, end, this.#leash.signal)) {
      buffer.set(chunk, filled);
      filled += chunk.length;
    }
    return buffer.subarray(0, filled);
  }

  /** Nothing is read any more, nor written into a buffer, once it is disposed of. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#underWay.length > 0) this.#leash.abort(new Error('the parts are not needed any more'));
    await Promise.allSettled(this.#underWay.map(({ part }) => part));
    for (const { buffer } of this.#underWay.splice(0)) this.#buffers.giveBack(buffer);
    this.#leash[Symbol.dispose]();
  }
}

interface Range {
  readonly part: Promise<Buffer>;
  readonly buffer: Buffer;
}
