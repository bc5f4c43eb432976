import { ProviderError } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectHead } from '../objects/object.ts';
import type { Provider } from '../providers/provider.ts';

/** One version of one object at one provider, to be read. */
export interface Candidate {
  readonly provider: Provider;
  readonly key: Key;
  readonly version: string;
  readonly size: number;
  /** Set where it was replaced and the provider keeps it: what the provider calls it. */
  readonly versionId?: string;
}

/** How often a broken read is taken up again without a single byte of progress. */
const maxFruitlessResumes = 3;

/** Where else the same bytes are said to be. Whoever gives such must know their SHA-256 and compare it at the end. */
export interface Spares {
  /** Of the same size; asked in this order. */
  readonly candidates: readonly Candidate[];
  /** Told when a place is given up in the middle, with its error. */
  readonly onLeft?: (from: Candidate, error: ProviderError) => void;
}

const noSpares: Spares = { candidates: [] };

/**
 * The bytes of exactly one version, in order, each read once: a read that breaks off is taken up again from
 * where it stopped, still bound to that version; where that fails for good, from the next place that is spare.
 * @throws ProviderError `conflict` when the object is not that version (any more) or is not `size` bytes long.
 */
export class ObjectStream {
  #candidate: Candidate;
  readonly #signal: AbortSignal;
  readonly #onBytes: (bytes: number) => void;
  readonly #spares: Spares;
  readonly #left: Candidate[];
  #head: ObjectHead | undefined;

  constructor(candidate: Candidate, signal: AbortSignal, onBytes: (bytes: number) => void, spares: Spares = noSpares) {
    this.#candidate = candidate;
    this.#signal = signal;
    this.#onBytes = onBytes;
    this.#spares = spares;
    this.#left = [...spares.candidates];
  }

  /** The place that is read from now, or was read from last. */
  get from(): Candidate {
    return this.#candidate;
  }

  /** Known after the first chunk or, for an empty object, at the end. */
  get head(): ObjectHead {
    if (this.#head === undefined) throw new Error('the head is known only after reading began');
    return this.#head;
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    let offset = 0;
    for (;;) {
      try {
        for await (const chunk of this.#fromHere(offset)) {
          offset += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        this.#goOnElsewhere(error);
      }
    }
  }

  /** @throws `error` when there is nowhere else. */
  #goOnElsewhere(error: unknown): void {
    if (!(error instanceof ProviderError) || error.code === 'aborted' || this.#signal.aborted) throw error;
    const next = this.#left.shift();
    if (next === undefined) throw error;
    this.#spares.onLeft?.(this.#candidate, error);
    this.#candidate = next;
  }

  /** From one place, as long as it gets on. */
  async *#fromHere(start: number): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = this.#candidate;
    let offset = start;
    let fruitless = 0;
    for (;;) {
      const before = offset;
      try {
        for await (const chunk of this.#readFrom(offset)) {
          offset += chunk.length;
          if (offset > size) throw this.#wrongSize(offset, 'at least ');
          yield chunk;
        }
        if (offset !== size) throw this.#wrongSize(offset, '');
        return;
      } catch (error) {
        fruitless = offset > before ? 0 : fruitless + 1;
        const again = error instanceof ProviderError && error.code === 'unavailable' && offset < size;
        if (!again || fruitless > maxFruitlessResumes || this.#signal.aborted) throw error;
      }
    }
  }

  async *#readFrom(offset: number): AsyncGenerator<Uint8Array, void, undefined> {
    const { provider, key, version, size, versionId } = this.#candidate;
    const from = offset === 0 ? {} : { from: offset };
    const which = versionId === undefined ? { version } : { versionId };
    await using reader = await provider.read(key, { ...which, ...from }, this.#signal);
    if (reader.head.size !== size) throw this.#wrongSize(reader.head.size, '');
    this.#head ??= reader.head;
    for await (const chunk of reader.body) {
      this.#onBytes(chunk.length);
      yield chunk;
    }
  }

  #wrongSize(found: number, atLeast: string): ProviderError {
    const { provider, key, size } = this.#candidate;
    const message = `${key} at ${provider.name} is ${atLeast}${found} bytes long where ${size} were listed; it changed while it was read`;
    return new ProviderError('conflict', message, { provider: provider.name, key });
  }
}

/** Reads a whole small object into one buffer: the one it comes in, where there is nothing else in that. */
export async function readWhole(stream: ObjectStream, size: number): Promise<Buffer> {
  let bytes: Buffer | undefined;
  let at = 0;
  for await (const chunk of stream.chunks()) {
    if (chunk.length === size && chunk.buffer.byteLength === size) bytes = Buffer.from(chunk.buffer);
    else (bytes ??= Buffer.allocUnsafeSlow(size)).set(chunk, at);
    at += chunk.length;
  }
  return bytes ?? Buffer.alloc(0);
}

/**
 * Cuts a stream into parts of exactly `partSize` bytes (the last may be shorter). `allocate` provides each part's buffer; the
 * first before anything is read: whoever reads holds one of the places that the provider's limits allow, and would wait for
 * memory that others hold while they wait for that place.
 */
export async function* inParts(
  stream: ObjectStream,
  size: number,
  partSize: number,
  allocate: () => Promise<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  let part = size > 0 ? await allocate() : undefined;
  let filled = 0;
  let total = 0;
  for await (const chunk of stream.chunks()) {
    for (let at = 0; at < chunk.length;) {
      part ??= await allocate();
      const take = Math.min(chunk.length - at, partSize - filled);
      part.set(chunk.subarray(at, at + take), filled);
      at += take;
      filled += take;
      total += take;
      if (filled < partSize && total < size) continue;
      yield part.subarray(0, filled);
      part = undefined;
      filled = 0;
    }
  }
}
