import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inParts, ObjectStream, readWhole } from '../../../src/replication/read-source.ts';
import { bytesOf } from '../../support/bytes.ts';
import { Place } from '../../support/place.ts';
import { printedSeed } from '../../support/seed.ts';
import { TestClock } from '../../support/test-clock.ts';

const calm = new AbortController().signal;

/** A place that holds `k`, whose body comes in chunks of these sizes (the last one repeats). */
function placeWith(bytes: Buffer, sizes: readonly number[] = [65_536]): { place: Place; version: string } {
  const place = new Place('source', new TestClock());
  const { version } = place.write('k', bytes);
  place.body = async function* (chunks) {
    const rest = Buffer.concat(await Array.fromAsync(chunks));
    let at = 0;
    for (let n = 0; at < rest.length; n += 1) {
      const size = sizes[Math.min(n, sizes.length - 1)] ?? 1;
      yield rest.subarray(at, at + size);
      at += size;
    }
  };
  return { place, version };
}

function streamOf(place: Place, version: string, size: number, onBytes = (_: number): void => undefined): ObjectStream {
  return new ObjectStream({ provider: place.site.provider, key: 'k', version, size }, calm, onBytes);
}

test('an empty object has a head and no bytes', async () => {
  const { place, version } = placeWith(Buffer.of());
  const stream = streamOf(place, version, 0);
  expect(() => stream.head).toThrow('only after reading');
  expect(await readWhole(stream, 0)).toHaveLength(0);
  expect(stream.head).toMatchObject({ key: 'k', size: 0, version });
});

test('a read that breaks off goes on where it stopped: each byte is read once', async () => {
  const bytes = bytesOf(1000);
  const { place, version } = placeWith(bytes, [100]);
  const whole = place.body;
  let chunks = 0;
  place.body = async function* (body, key) {
    for await (const chunk of whole(body, key)) {
      if ((chunks += 1) % 4 === 0) throw place.error('unavailable');
      yield chunk;
    }
  };
  let read = 0;
  const result = await readWhole(
    streamOf(place, version, 1000, (n) => void (read += n)),
    1000,
  );
  expect([result.equals(bytes), read, place.count('read')]).toEqual([true, 1000, 4]);
});

test('a read that gets nowhere is given up; other errors at once', async () => {
  const { place, version } = placeWith(bytesOf(10));
  place.failWith('unavailable', 'read');
  await expect(readWhole(streamOf(place, version, 10), 10)).rejects.toMatchObject({ code: 'unavailable' });
  expect(place.count('read')).toBe(4);
  place.forget();
  place.failWith('denied', 'read');
  await expect(readWhole(streamOf(place, version, 10), 10)).rejects.toMatchObject({ code: 'denied' });
  expect(place.count('read')).toBe(1);
});

test.each<['denied' | 'unavailable' | 'not-found']>([['denied'], ['unavailable'], ['not-found']])(
  'a place that fails in the middle (%s) is left: the next one serves the rest',
  async (code) => {
    const bytes = bytesOf(1000);
    const first = placeWith(bytes, [100]);
    const second = placeWith(bytes, [300]);
    const whole = first.place.body;
    first.place.body = async function* (body, key) {
      yield* take(whole(body, key), 3);
      first.place.failWith(code, 'read');
      throw first.place.error(code);
    };
    const left: string[] = [];
    const candidates = [{ provider: second.place.site.provider, key: 'k', version: second.version, size: 1000 }];
    const from = { provider: first.place.site.provider, key: 'k', version: first.version, size: 1000 };
    const onLeft = (_: unknown, error: { readonly code: string }): void => void left.push(error.code);
    const stream = new ObjectStream(from, calm, () => undefined, { candidates, onLeft });
    expect((await readWhole(stream, 1000)).equals(bytes)).toBe(true);
    expect([stream.from.version, left]).toEqual([second.version, [code]]);
    expect([first.place.bytesRead, second.place.bytesRead]).toEqual([300, 700]);
  },
);

test('an abort is no reason to read elsewhere', async () => {
  const { place, version } = placeWith(bytesOf(10));
  const over = new AbortController();
  place.before = () => {
    over.abort();
    throw place.error('aborted');
  };
  const from = { provider: place.site.provider, key: 'k', version, size: 10 };
  const stream = new ObjectStream(from, over.signal, () => undefined, { candidates: [from] });
  await expect(readWhole(stream, 10)).rejects.toMatchObject({ code: 'aborted' });
  expect(place.count('read')).toBe(1);
});

test('a version that is gone when the read is taken up again is a conflict, never a mixture', async () => {
  const { place, version } = placeWith(Buffer.from('aaaaaaaa'), [2]);
  const whole = place.body;
  place.body = async function* (body, key) {
    yield* take(whole(body, key), 2);
    place.write('k', 'bbbbbbbb');
    throw place.error('unavailable');
  };
  await expect(readWhole(streamOf(place, version, 8), 8)).rejects.toMatchObject({ code: 'conflict' });
});

async function* take<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let taken = 0;
  for await (const item of items) {
    yield item;
    if ((taken += 1) === count) return;
  }
}

test.each([
  ['a head of another size', 9, undefined],
  ['a body that ends early', 10, 9],
  ['a body that is too long', 10, 11],
])('%s is a conflict', async (_, size, length) => {
  const { place, version } = placeWith(bytesOf(10));
  if (length !== undefined) {
    place.body = async function* () {
      yield bytesOf(length);
    };
  }
  await expect(readWhole(streamOf(place, version, size), size)).rejects.toMatchObject({ code: 'conflict', key: 'k' });
});

test('parts are cut exactly, however the chunks come and wherever the read breaks', async () => {
  const shape = fc.record({
    size: fc.nat(2000),
    partSize: fc.integer({ min: 1, max: 700 }),
    chunks: fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 6 }),
    breaks: fc.array(fc.nat(8), { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(shape, async ({ size, partSize, chunks, breaks }) => {
      const bytes = bytesOf(size, `${size}`);
      const { place, version } = placeWith(bytes, chunks);
      const whole = place.body;
      const left = [...breaks];
      place.body = async function* (body, key) {
        const chunksLeft = left.shift() ?? Infinity;
        let passed = 0;
        for await (const chunk of whole(body, key)) {
          if ((passed += 1) > chunksLeft) throw place.error('unavailable');
          yield chunk;
        }
      };
      const allocate = (): Promise<Buffer> => Promise.resolve(Buffer.alloc(partSize));
      const parts = await Array.fromAsync(inParts(streamOf(place, version, size), size, partSize, allocate));
      expect(Buffer.concat(parts).equals(bytes)).toBe(true);
      expect(parts.slice(0, -1).every((part) => part.length === partSize)).toBe(true);
      expect(parts).toHaveLength(Math.ceil(size / partSize));
      expect(place.bytesRead).toBe(size);
    }),
    { seed: printedSeed('read-source'), numRuns: 200 },
  );
});
