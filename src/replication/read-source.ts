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
  /** See `Capabilities`. */
  readonly parallelReads?: number | undefined;
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
 * The bytes of exactly one version, each read once, all of them or a range: a read that breaks off is taken up again
 * from where it stopped, still bound to that version; where that fails for good, from the next place that is spare.
 * Ranges may be read side by side. What one finds out of a place holds for those that begin later; those under way go on.
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

  /** Known after the first chunk of the object or, for an empty one, at the end. */
  get head(): ObjectHead {
    if (this.#head === undefined) throw new Error('the head is known only after reading began');
    return this.#head;
  }

  chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    return this.range(0, this.#candidate.size, this.#signal);
  }

  /**
   * From byte `start` on, up to byte `end` (exclusive).
   * @throws ProviderError `unsupported` also where a place seems to know no ranges: it is not left for that before the head is known.
   */
  async *range(start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    let offset = start;
    for (;;) {
      const place = this.#candidate;
      try {
        for await (const chunk of this.#fromHere(place, offset, end, signal)) {
          offset += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        const knowsNoRanges = this.#head === undefined && end - start < place.size && isUnsupported(error);
        if (signal.aborted || knowsNoRanges) throw error;
        this.#goOnElsewhere(place, error);
      }
    }
  }

  /** @throws `error` when there is nowhere else. */
  #goOnElsewhere(from: Candidate, error: unknown): void {
    if (!(error instanceof ProviderError) || error.code === 'aborted') throw error;
    // Another range has left it.
    if (this.#candidate !== from) return;
    const next = this.#left.shift();
    if (next === undefined) throw error;
    this.#spares.onLeft?.(from, error);
    this.#candidate = next;
  }

  /** From one place, as long as it gets on. */
  async *#fromHere(
    place: Candidate,
    start: number,
    end: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let offset = start;
    let fruitless = 0;
    for (;;) {
      const before = offset;
      try {
        for await (const chunk of this.#readFrom(place, offset, end, signal)) {
          offset += chunk.length;
          if (offset > end) throw wrongEnd(place, offset, end, 'at least ');
          yield chunk;
        }
        if (offset !== end) throw wrongEnd(place, offset, end, '');
        return;
      } catch (error) {
        fruitless = offset > before ? 0 : fruitless + 1;
        const again = error instanceof ProviderError && error.code === 'unavailable' && offset < end;
        if (!again || fruitless > maxFruitlessResumes || signal.aborted) throw error;
      }
    }
  }

  async *#readFrom(
    { provider, key, version, size, versionId }: Candidate,
    offset: number,
    end: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const which = versionId === undefined ? { version } : { versionId };
    const range = { ...(offset === 0 ? {} : { from: offset }), ...(end === size ? {} : { to: end }) };
    await using reader = await provider.read(key, { ...which, ...range }, signal);
    if (reader.head.size !== size) throw wrongSize({ provider, key, size }, `${reader.head.size}`);
    if (offset === 0) this.#head ??= reader.head;
    for await (const chunk of reader.body) {
      this.#onBytes(chunk.length);
      yield chunk;
    }
  }
}

export function isUnsupported(error: unknown): boolean {
  return error instanceof ProviderError && error.code === 'unsupported';
}

type Sized = Pick<Candidate, 'provider' | 'key' | 'size'>;

function wrongSize({ provider, key, size }: Sized, found: string): ProviderError {
  const message = `${key} at ${provider.name} is ${found} bytes long where ${size} were listed; it changed while it was read`;
  return new ProviderError('conflict', message, { provider: provider.name, key });
}

/** A body ended elsewhere than it was to end. */
function wrongEnd(place: Candidate, at: number, end: number, atLeast: string): ProviderError {
  if (end === place.size) return wrongSize(place, `${atLeast}${at}`);
  const { provider, key } = place;
  const message = `${provider.name} sent the bytes of ${key} up to ${atLeast}${at} where ${end} was asked for; it is not believed`;
  return new ProviderError('invalid', message, { provider: provider.name, key });
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
