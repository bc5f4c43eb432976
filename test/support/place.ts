import type { ErrorCode } from '../../src/objects/errors.ts';
import { ProviderError } from '../../src/objects/errors.ts';
import { compareKeys, type Key } from '../../src/objects/key.ts';
import { noAttributes } from '../../src/objects/object.ts';
import { intercept, type Call, type Operation } from '../../src/providers/intercept.ts';
import type { MemoryBucket, StoredObject } from '../../src/providers/memory/bucket.ts';
import { MemoryProvider, type MemoryOptions } from '../../src/providers/memory/memory.ts';
import { ordered } from '../../src/providers/ordered.ts';
import { ranged } from '../../src/providers/ranged.ts';
import type { ListPage, MonitoredProvider, Provider, ProviderHealth } from '../../src/providers/provider.ts';
import { Site } from '../../src/replication/site.ts';
import { digestOf } from './digest.ts';
import type { Clock } from '../../src/objects/clock.ts';

type Hook = (call: Call, signal: AbortSignal) => void | Promise<void>;

/** One place of a test's world: a memory provider that counts its calls and does what the test makes it do. */
export class Place {
  readonly bucket: MemoryBucket;
  readonly site: Site;
  readonly calls: Call[] = [];
  readonly name: string;
  /** Runs before a call reaches the bucket; what it throws is the call's outcome. */
  before: Hook = () => undefined;
  /** Runs after the bucket did what was asked: throwing loses the response. */
  after: Hook = () => undefined;
  /** Changes the pages of a listing. */
  listing: (pages: AsyncIterable<ListPage>) => AsyncIterable<ListPage> = (pages) => pages;
  /** Changes a body on its way out. */
  body: (chunks: AsyncIterable<Uint8Array>, key: Key) => AsyncIterable<Uint8Array> = (chunks) => chunks;
  health: ProviderHealth = { state: 'up', lastError: null };
  /** Bytes read from it. */
  bytesRead = 0;
  readonly #clock: Clock;
  readonly #options: MemoryOptions;

  constructor(name: string, clock: Clock, options: MemoryOptions = {}) {
    this.name = name;
    this.#clock = clock;
    this.#options = options;
    const memory = new MemoryProvider({ name, clock, ...options });
    this.bucket = memory.bucket;
    this.site = new Site(this.#watched(memory), clock);
  }

  /** The same place as another process sees it: with hooks and counts of its own. */
  again(): Place {
    return new Place(this.name, this.#clock, { ...this.#options, bucket: this.bucket });
  }

  /** How many calls of these operations, or of any, it got. */
  count(...operations: Operation[]): number {
    return this.calls.filter((call) => operations.length === 0 || operations.includes(call.operation)).length;
  }

  forget(): void {
    this.calls.length = 0;
    this.bytesRead = 0;
  }

  /** Another program's object, or the source's: no record of ours on it. */
  write(key: Key, bytes: Buffer | string): StoredObject {
    const stored = this.bucket.write(key, {
      bytes: Buffer.from(bytes),
      modifiedAt: Date.now(),
      attributes: noAttributes,
      record: undefined as never,
      checksums: {},
    });
    return stored;
  }

  /** What stands at the key, as text. */
  text(key: Key): string | undefined {
    return this.bucket.objects.get(key)?.bytes.toString();
  }

  keys(): Key[] {
    return [...this.bucket.objects.keys()].sort(compareKeys);
  }

  /** Rot: one bit changes at rest. */
  flip(key: Key): void {
    const object = this.bucket.objects.get(key);
    if (object === undefined) throw new Error(`${this.name} holds no ${key}`);
    object.bytes.writeUInt8(object.bytes.readUInt8(0) ^ 1, 0);
  }

  error(code: ErrorCode, key?: Key): ProviderError {
    return new ProviderError(code, `${this.name} says ${code}`, {
      provider: this.name,
      ...(key === undefined ? {} : { key }),
    });
  }

  /** Every call of these operations (any, when none is named) fails so. */
  failWith(code: ErrorCode, ...operations: Operation[]): void {
    this.before = ({ operation, key }) => {
      if (operations.length === 0 || operations.includes(operation)) throw this.error(code, key);
    };
  }

  heal(): void {
    this.before = () => undefined;
    this.after = () => undefined;
    this.body = (chunks) => chunks;
    this.listing = (pages) => pages;
  }

  #watched(provider: Provider): MonitoredProvider {
    const intercepted = intercept(provider, {
      around: async (call, run, signal) => {
        this.calls.push(call);
        await this.before(call, signal);
        const result = await run(signal);
        await this.after(call, signal);
        return result;
      },
      body: (chunks, key) => this.#counted(this.body(chunks, key)),
      list: (open, signal) => this.#listed(open(undefined), signal),
    });
    // As every configured provider is (`providers/open.ts`).
    const listed = ranged(ordered(intercepted), (most) => most, { keys: 40 });
    return { ...listed, health: () => this.health };
  }

  async *#counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.bytesRead += chunk.length;
      yield chunk;
    }
  }

  async *#listed(pages: AsyncIterable<ListPage>, signal: AbortSignal): AsyncGenerator<ListPage> {
    const call: Call = { operation: 'list', bytes: 0 };
    this.calls.push(call);
    await this.before(call, signal);
    yield* this.listing(pages);
  }
}

/** Gives a copy the record that Holdfast would have written for these bytes. */
export async function claimedBy(place: Place, key: Key, sourceVersion: string): Promise<void> {
  const object = place.bucket.objects.get(key);
  if (object === undefined) throw new Error(`${place.name} holds no ${key}`);
  const digest = await digestOf(object.bytes);
  const record = { sha256: digest.sha256, size: object.bytes.length, sourceVersion, sourceModifiedAt: 1 };
  place.bucket.write(key, {
    ...object,
    record: { ...record, checksums: digest },
    checksums: { crc32c: digest.crc32c },
  });
}

/** Its listing has something at the key that is no object. */
export function hide(place: Place, key: Key, reason: string): void {
  place.listing = async function* (pages) {
    yield { entries: [], ignored: [{ key: '', reason: 'it is the prefix itself' }] };
    yield { entries: [], ignored: [{ key, reason }] };
    yield* pages;
  };
}
