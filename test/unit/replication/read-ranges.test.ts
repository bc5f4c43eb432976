import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ReadOptions } from '../../../src/providers/provider.ts';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import { PartBuffers } from '../../../src/replication/part-buffers.ts';
import { inRanges, type Buffers } from '../../../src/replication/read-ranges.ts';
import { ObjectStream, type Candidate, type Spares } from '../../../src/replication/read-source.ts';
import { bytesOf } from '../../support/bytes.ts';
import { untilAborted } from '../../support/hooked.ts';
import { Place } from '../../support/place.ts';
import { printedSeed } from '../../support/seed.ts';
import { TestClock } from '../../support/test-clock.ts';

const calm = new AbortController().signal;

/** A place that holds `k` and serves chunks of 10 bytes; what was asked of it, and how many bodies are open. */
class Shelf {
  readonly place = new Place('source', new TestClock());
  readonly candidate: Candidate;
  readonly asked: ReadOptions[] = [];
  open = 0;
  most = 0;
  /** Runs before a chunk of the range that begins at `from`. */
  onChunk: (from: number, nth: number, signal: AbortSignal) => void | Promise<void> = () => undefined;

  constructor(bytes: Buffer) {
    const { version } = this.place.write('k', bytes);
    const { provider } = this.place.site;
    const read: typeof provider.read = async (key, options, signal) => {
      this.asked.push(options);
      const reader = await provider.read(key, options, signal);
      return { ...reader, body: this.#chunks(reader.body, options.from ?? 0, signal) };
    };
    this.candidate = { provider: { ...provider, read }, key: 'k', version, size: bytes.length };
  }

  get from(): number[] {
    return this.asked.map(({ from = 0 }) => from);
  }

  async *#chunks(body: AsyncIterable<Uint8Array>, from: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.most = Math.max(this.most, (this.open += 1));
    try {
      const rest = Buffer.concat(await Array.fromAsync(body));
      for (let at = 0; at < rest.length; at += 10) {
        await this.onChunk(from, at / 10, signal);
        if (signal.aborted) throw this.place.error('aborted');
        yield rest.subarray(at, at + 10);
      }
    } finally {
      this.open -= 1;
    }
  }
}

interface Reading {
  readonly parts: AsyncGenerator<Buffer>;
  readonly stream: ObjectStream;
  readonly buffers: PartBuffers;
  readonly budget: ByteBudget;
  readonly counted: () => number;
}

interface Shape {
  readonly partSize?: number;
  readonly most?: number;
  readonly memory?: number;
  readonly spares?: Spares;
  readonly signal?: AbortSignal;
}

function reading({ candidate }: Shelf, shape: Shape = {}): Reading {
  const { partSize = 100, most = 3, memory = 100_000, spares = { candidates: [] }, signal = calm } = shape;
  const budget = new ByteBudget(memory);
  const buffers = new PartBuffers(partSize, 4, budget);
  let bytes = 0;
  const stream = new ObjectStream(candidate, signal, (count) => void (bytes += count), spares);
  const ours: Buffers = {
    take: () => buffers.take(signal),
    tryTake: () => buffers.tryTake(),
    get nextReturn() {
      return buffers.nextReturn;
    },
    giveBack: (buffer) => buffers.give(buffer, true),
  };
  const parts = inRanges(stream, { size: candidate.size, partSize, most }, ours, signal);
  return { parts, stream, buffers, budget, counted: () => bytes };
}

/** Takes all parts, each of which is gone after `turns` turns of the event loop. */
async function collect({ parts, buffers }: Reading, turns = 0): Promise<Buffer> {
  const copies: Buffer[] = [];
  const gone: Promise<void>[] = [];
  for await (const part of parts) {
    copies.push(Buffer.from(part));
    gone.push(
      (async () => {
        for (let turn = 0; turn < turns; turn += 1) await setImmediate();
        buffers.give(part, true);
      })(),
    );
  }
  await Promise.all(gone);
  return Buffer.concat(copies);
}

test('each part is asked for once, by itself, several at a time, and all come in order', async () => {
  const bytes = bytesOf(1_050);
  const shelf = new Shelf(bytes);
  // The earlier a range begins, the longer it takes.
  shelf.onChunk = async (from) => {
    for (let turn = 0; turn < 8 - from / 200; turn += 1) await setImmediate();
  };
  const all = reading(shelf);
  expect((await collect(all)).equals(bytes)).toBe(true);
  const { version } = shelf.candidate;
  expect(shelf.asked).toEqual([
    { version, to: 100 },
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => ({ version, from: n * 100, to: n * 100 + 100 })),
    { version, from: 1_000 },
  ]);
  expect([shelf.most, all.counted(), shelf.open]).toEqual([3, bytes.length, 0]);
  expect(all.stream.head).toMatchObject({ size: 1_050, version });
});

test('the head is what the answer with the first byte says, whichever comes first', async () => {
  const shelf = new Shelf(bytesOf(400));
  const { provider } = shelf.candidate;
  const read: typeof provider.read = async (key, options, signal) => {
    for (let turn = 0; options.from === undefined && turn < 5; turn += 1) await setImmediate();
    const reader = await provider.read(key, options, signal);
    return { ...reader, head: { ...reader.head, checksums: { crc32c: `of ${options.from}` } } };
  };
  const told = Object.assign(shelf, { candidate: { ...shelf.candidate, provider: { ...provider, read } } });
  const { parts, stream } = reading(told);
  await parts.next();
  expect(stream.head.checksums).toEqual({ crc32c: 'of undefined' });
  for await (const _ of parts) expect(stream.head.checksums).toEqual({ crc32c: 'of undefined' });
});

test('a range that breaks off goes on where it stopped, whichever it is; one that gets nowhere ends the read', async () => {
  const bytes = bytesOf(500);
  const shelf = new Shelf(bytes);
  shelf.onChunk = (from, nth) => {
    if (nth === 4 && from % 100 === 0) throw shelf.place.error('unavailable');
  };
  const all = reading(shelf);
  expect((await collect(all)).equals(bytes)).toBe(true);
  expect(all.counted()).toBe(500);
  expect(shelf.from.toSorted((a, b) => a - b)).toEqual([0, 40, 100, 140, 200, 240, 300, 340, 400, 440]);
  shelf.asked.length = 0;
  shelf.onChunk = (from) => {
    if (from === 200) throw shelf.place.error('unavailable');
  };
  const broken = reading(shelf);
  await expect(collect(broken)).rejects.toMatchObject({ code: 'unavailable' });
  expect(shelf.from.filter((from) => from === 200)).toHaveLength(4);
  expect(shelf.open).toBe(0);
});

test('what comes before a range that failed is handed on; nothing is begun after it', async () => {
  const shelf = new Shelf(bytesOf(1_000));
  const { promise: late, resolve: go } = Promise.withResolvers<void>();
  shelf.onChunk = async (from) => {
    if (from === 100) throw shelf.place.error('denied');
    if (from === 0) await late;
  };
  const { parts } = reading(shelf);
  const first = parts.next();
  for (let turn = 0; turn < 20; turn += 1) await setImmediate();
  go();
  expect((await first).value).toHaveLength(100);
  await expect(parts.next()).rejects.toMatchObject({ code: 'denied' });
  expect([shelf.from, shelf.open]).toEqual([[0, 100, 200], 0]);
});

test('a place that fails in the middle is left once, by all; the rest is read from the next one', async () => {
  const bytes = bytesOf(1_000);
  const [first, second] = [new Shelf(bytes), new Shelf(bytes)];
  first.onChunk = (from, nth) => {
    if (from >= 200 && nth === 3) {
      first.place.failWith('denied', 'read');
      throw first.place.error('denied');
    }
  };
  const left: string[] = [];
  const onLeft = (_: Candidate, error: { readonly code: string }): void => void left.push(error.code);
  const all = reading(first, { spares: { candidates: [second.candidate], onLeft } });
  expect((await collect(all)).equals(bytes)).toBe(true);
  expect([left, all.stream.from.version]).toEqual([['denied'], second.candidate.version]);
  expect(all.counted()).toBe(1_000);
  expect(second.from[0]).toBe(230);
});

test('a version that is replaced in the middle is a conflict, never a mixture', async () => {
  const shelf = new Shelf(bytesOf(1_000, 'before'));
  shelf.onChunk = (from, nth) => {
    if (from === 300 && nth === 0) shelf.place.write('k', bytesOf(1_000, 'after'));
  };
  await expect(collect(reading(shelf))).rejects.toMatchObject({ code: 'conflict' });
  expect(shelf.open).toBe(0);
});

test.each([
  ['a head of another size', 'conflict', 0],
  ['a range that ends early', 'invalid', -1],
  ['a range that is too long', 'invalid', 1],
])('%s is not believed', async (_, code, more) => {
  const shelf = new Shelf(bytesOf(500));
  const { candidate } = shelf;
  const read: typeof candidate.provider.read = async (key, options, signal) => {
    const reader = await candidate.provider.read(key, options, signal);
    if (options.from !== 200) return reader;
    if (more === 0) return { ...reader, head: { ...reader.head, size: 501 } };
    return { ...reader, body: ReadableStream.from([bytesOf(100 + more)]) };
  };
  const provider = { ...candidate.provider, read };
  const lying = Object.assign(shelf, { candidate: { ...candidate, provider } });
  await expect(collect(reading(lying))).rejects.toMatchObject({ code, key: 'k' });
});

test('a place that knows no ranges is read as one stream', async () => {
  const bytes = bytesOf(1_000);
  const shelf = new Shelf(bytes);
  shelf.place.before = () => {
    const { from, to } = shelf.asked.at(-1) ?? {};
    if (from !== undefined || to !== undefined) throw shelf.place.error('unsupported');
  };
  const spare = new Shelf(bytes);
  const all = reading(shelf, { memory: 200, spares: { candidates: [spare.candidate] } });
  expect((await collect(all)).equals(bytes)).toBe(true);
  expect(spare.asked).toEqual([]);
  expect(shelf.asked.at(-1)).toEqual({ version: shelf.candidate.version });
  expect([shelf.most, all.counted()]).toEqual([1, 1_000]);
  all.buffers[Symbol.dispose]();
  expect(all.budget.used).toBe(0);
});

test('an abort ends all requests, and so does whoever wants no more parts', async () => {
  const shelf = new Shelf(bytesOf(1_000));
  const over = new AbortController();
  shelf.onChunk = async (from, nth) => {
    if (from === 300 && nth === 2) over.abort();
    await setImmediate();
  };
  await expect(collect(reading(shelf, { signal: over.signal }))).rejects.toMatchObject({ code: 'aborted' });
  expect(shelf.open).toBe(0);
  shelf.asked.length = 0;
  shelf.onChunk = async (from, _, signal) => {
    if (from > 0) await untilAborted(signal);
  };
  for await (const _ of reading(shelf).parts) break;
  expect([shelf.from, shelf.open]).toEqual([[0, 100, 200], 0]);
});

test('with memory for one part, parts are read one by one; more are begun as buffers come back', async () => {
  const bytes = bytesOf(1_000);
  const little = new Shelf(bytes);
  expect((await collect(reading(little, { memory: 150 }), 3)).equals(bytes)).toBe(true);
  expect(little.most).toBe(1);
  const slow = new Shelf(bytes);
  const { promise: late, resolve: go } = Promise.withResolvers<void>();
  slow.onChunk = async (from) => {
    if (from === 200) await late;
  };
  const { parts, buffers } = reading(slow, { memory: 300 });
  const held: Buffer[] = [];
  for (let n = 0; n < 2; n += 1) held.push((await parts.next()).value as Buffer);
  const third = parts.next();
  for (const part of held) {
    buffers.give(part, true);
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
  }
  expect(slow.from).toEqual([0, 100, 200, 300, 400]);
  go();
  await third;
  await parts.return(undefined);
});

test('however the chunks come, wherever ranges break and however slowly parts go, the bytes are the object', async () => {
  const shape = fc.record({
    size: fc.integer({ min: 1, max: 1_500 }),
    partSize: fc.integer({ min: 1, max: 400 }),
    most: fc.integer({ min: 2, max: 5 }),
    buffers: fc.integer({ min: 1, max: 6 }),
    turns: fc.nat(4),
    breaks: fc.array(fc.nat(40), { maxLength: 6 }),
    delays: fc.array(fc.nat(5), { minLength: 1, maxLength: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(shape, async ({ size, partSize, most, buffers, turns, breaks, delays }) => {
      const bytes = bytesOf(size, `${size}`);
      const shelf = new Shelf(bytes);
      let chunks = 0;
      shelf.onChunk = async () => {
        chunks += 1;
        for (let turn = 0; turn < (delays[chunks % delays.length] ?? 0); turn += 1) await setImmediate();
        // Never the same range thrice in a row: only each eighth chunk.
        if (breaks.includes(chunks) && chunks % 8 === 0) throw shelf.place.error('unavailable');
      };
      const all = reading(shelf, { partSize, most, memory: buffers * partSize });
      expect((await collect(all, turns)).equals(bytes)).toBe(true);
      expect([all.counted(), shelf.open]).toEqual([size, 0]);
      expect(shelf.most).toBeLessThanOrEqual(Math.min(most, buffers, 4));
      all.buffers[Symbol.dispose]();
      expect(all.budget.used).toBe(0);
    }),
    { seed: printedSeed('read-ranges'), numRuns: 100 },
  );
});
