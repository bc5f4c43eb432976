import { systemClock } from '../../../src/objects/clock.ts';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../src/objects/errors.ts';
import { errorCodes, isRetryable, ProviderError } from '../../../src/objects/errors.ts';
import type { Key } from '../../../src/objects/key.ts';
import { noAttributes } from '../../../src/objects/object.ts';
import type { MemoryOptions } from '../../../src/providers/memory/memory.ts';
import type { ListPage } from '../../../src/providers/provider.ts';
import type { ResilienceOptions } from '../../../src/providers/resilient.ts';
import { resilient } from '../../../src/providers/resilient.ts';
import { partsOf, start } from '../../contract/provider/parts.ts';
import { calm, collect, expectError, put, readAll } from '../../contract/provider/room.ts';
import { bytesOf } from '../../support/bytes.ts';
import { Hooked, SleepingClock, untilAborted } from '../../support/hooked.ts';

function opened(options: Partial<ResilienceOptions> = {}, memory: MemoryOptions = {}) {
  const inner = new Hooked(memory);
  const clock = new SleepingClock();
  const provider = resilient(inner.provider, { clock, random: () => 1, ...options });
  return { inner, clock, provider };
}

const keysOf = async (pages: AsyncIterable<ListPage>): Promise<Key[]> =>
  (await Array.fromAsync(pages)).flatMap((page) => page.entries.map(({ key }) => key));

describe('a request', () => {
  test.each(errorCodes)('that fails with %s is repeated only where that may help', async (code) => {
    const { inner, provider } = opened({ breakAfter: 100 });
    inner.failWith(code);
    await expectError(provider.head('k', calm), code);
    expect(inner.calls).toHaveLength(isRetryable(code) ? 5 : 1);
  });

  test('is repeated with pauses that double up to a bound, until it succeeds', async () => {
    const { inner, clock, provider } = opened({ retries: 7 });
    inner.failWith('unavailable', 7);
    await put(provider, 'k', 'x');
    expect(clock.sleeps).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(provider.health()).toMatchObject({ state: 'up', lastError: { code: 'unavailable' } });
  });

  test('is repeated no sooner than the provider asked for', async () => {
    const { inner, clock, provider } = opened();
    let left = 2;
    inner.before = () => {
      left -= 1;
      if (left >= 0) throw inner.error('throttled', 20_000);
    };
    await put(provider, 'k', 'x');
    expect(clock.sleeps).toEqual([20_000, 20_000]);
  });

  test('is not repeated when the provider asks for more patience than it is worth', async () => {
    const { inner, clock, provider } = opened();
    inner.before = () => {
      throw inner.error('throttled', 20_001);
    };
    expect((await expectError(provider.head('k', calm), 'throttled')).retryAfterMs).toBe(20_001);
    expect([inner.calls.length, clock.sleeps]).toEqual([1, []]);
  });

  test('that may have begun an upload says so before it is repeated, and one that was refused does not', async () => {
    const { inner, provider } = opened();
    const codes: ErrorCode[] = ['unavailable', 'throttled', 'unavailable'];
    const heard: number[] = [];
    inner.before = () => {
      const code = codes[inner.calls.length - 1];
      if (code !== undefined) throw inner.error(code);
    };
    const onRepeat = (): Promise<void> => Promise.resolve(void heard.push(inner.calls.length));
    await provider.startUpload('k', { size: 1, partSize: 1, attributes: noAttributes, onRepeat }, calm);
    expect([heard, inner.calls.length]).toEqual([[1, 3], 4]);
  });

  test('carries the same bytes each time', async () => {
    const { inner, provider } = opened();
    const bytes = bytesOf(100_000, 'again');
    inner.failWith('unavailable', 3);
    await put(provider, 'k', bytes);
    expect(inner.calls.map((call) => call.bytes)).toEqual([100_000, 100_000, 100_000, 100_000]);
    expect((await readAll(provider, 'k')).equals(bytes)).toBe(true);
  });

  test('aborted while it waits for its next attempt ends with aborted', async () => {
    const inner = new Hooked();
    const waiting = Promise.withResolvers<void>();
    const clock = {
      now: () => 0,
      sleep: (_: number, signal = calm) => {
        waiting.resolve();
        return untilAborted(signal);
      },
    };
    const provider = resilient(inner.provider, { clock: { ...systemClock, ...clock }, random: () => 1 });
    inner.failWith('unavailable');
    const controller = new AbortController();
    const head = provider.head('k', controller.signal);
    await waiting.promise;
    controller.abort();
    await expectError(head, 'aborted');
    expect(inner.calls).toHaveLength(1);
  });

  test('of a part is repeated by itself, and aborting an upload is not', async () => {
    const { inner, provider } = opened();
    const upload = await start(provider, 'k', { size: 10, partSize: 10 });
    const [part] = await partsOf(bytesOf(10), 10);
    inner.failWith('unavailable', 2);
    if (part !== undefined) await upload.part(part, calm);
    inner.failWith('unavailable');
    await expectError(upload.abort(calm), 'unavailable');
    expect(inner.calls.map(({ operation }) => operation)).toEqual(['start-upload', 'part', 'part', 'part', 'abort']);
  });

  test('that is given up says less than what the provider said just before', async () => {
    const { inner, clock, provider } = opened({ retries: 0, breakAfter: 3 });
    const giveUp = async (): Promise<void> => {
      const own = new AbortController();
      inner.before = () => {
        own.abort();
        throw inner.error('unavailable');
      };
      await expectError(provider.head('k', own.signal), 'unavailable');
    };
    inner.before = () => {
      throw new ProviderError('unavailable', 'the disk is full', { provider: 'memory' });
    };
    await expectError(provider.head('k', calm), 'unavailable');
    await giveUp();
    expect(provider.health().lastError?.message).toBe('the disk is full');
    clock.time += 61_000;
    await giveUp();
    expect(provider.health()).toMatchObject({ state: 'down', lastError: { message: 'it says unavailable' } });
  });
});

describe('a listing', () => {
  async function filled(options: Partial<ResilienceOptions> = {}, memory: MemoryOptions = {}) {
    const room = opened(options, { pageSize: 2, ...memory });
    for (const key of ['g', 'b', 'c', 'a', 'e', 'f', 'd']) await put(room.inner.memory, key, key);
    return room;
  }

  /** Breaks off after so many pages, each time it is begun. */
  async function* broken(pages: AsyncIterable<ListPage>, after: number, error: Error): AsyncGenerator<ListPage> {
    let count = 0;
    for await (const page of pages) {
      if (count === after) throw error;
      count += 1;
      yield page;
    }
  }

  test('that breaks off after every page is taken up again and yields every key once', async () => {
    const { inner, provider } = await filled({ retries: 1, breakAfter: 100 });
    inner.listing = (open) => broken(open(), 1, inner.error('unavailable'));
    expect(await keysOf(provider.list({}, calm))).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    inner.listing = (open) => broken(open(), 1, inner.error('unavailable'));
    expect(await keysOf(provider.list({ after: 'b', prefix: '' }, calm))).toEqual(['c', 'd', 'e', 'f', 'g']);
  });

  test('that makes no headway throws and never just ends', async () => {
    const { inner, provider } = await filled({ breakAfter: 100 });
    for (const headway of [0, 1]) {
      inner.calls.length = 0;
      let begun = 0;
      inner.listing = (open) => broken(open(), begun++ < headway ? 1 : 0, inner.error('unavailable'));
      await expectError(keysOf(provider.list({}, calm)), 'unavailable');
      expect(inner.calls).toHaveLength(headway + 5);
    }
  });

  test('whose pages are empty before it breaks off is given up as well', async () => {
    const { inner, provider } = await filled({ breakAfter: 100 });
    inner.listing = async function* () {
      yield { entries: [] };
      throw inner.error('unavailable');
    };
    await expectError(keysOf(provider.list({}, calm)), 'unavailable');
    expect(inner.calls).toHaveLength(5);
  });

  test('goes on behind what was ignored, too', async () => {
    const { inner, provider } = await filled();
    inner.listing = (open) => {
      inner.listing = (again) => again();
      return broken(withIgnored(open(), 'c'), 1, inner.error('unavailable'));
    };
    expect(await keysOf(provider.list({}, calm))).toEqual(['a', 'b', 'd', 'e', 'f', 'g']);
  });

  async function* withIgnored(pages: AsyncIterable<ListPage>, key: Key): AsyncGenerator<ListPage> {
    for await (const page of pages) yield { ...page, ignored: [{ key, reason: 'it is a pipe' }] };
  }

  test('in no order is begun again only while nothing was seen of it', async () => {
    const { inner, provider } = await filled({}, { capabilities: { listing: 'unordered' } });
    await provider.connect('target', calm);
    inner.calls.length = 0;
    let begun = 0;
    inner.listing = (open) => broken(open(), begun++, inner.error('unavailable'));
    await expectError(keysOf(provider.list({}, calm)), 'unavailable');
    expect(inner.calls).toHaveLength(2);
  });

  test.each<ErrorCode>(['denied', 'invalid', 'not-found'])('that fails with %s is not begun again', async (code) => {
    const { inner, provider } = await filled();
    inner.listing = (open) => broken(open(), 1, inner.error(code));
    await expectError(keysOf(provider.list({}, calm)), code);
    expect(inner.calls).toHaveLength(1);
  });

  test('whose generator threw does not ask it again', async () => {
    const { inner, provider } = await filled({ retries: 1 });
    let asked = 0;
    inner.listing = () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => {
          asked += 1;
          return Promise.reject(inner.error('unavailable'));
        },
      }),
    });
    await expectError(collect(provider), 'unavailable');
    expect([asked, inner.calls.length]).toEqual([2, 2]);
  });

  test('that is left early ends what is below it', async () => {
    const { inner, provider } = await filled();
    let ended = false;
    inner.listing = async function* (open) {
      try {
        yield* open();
      } finally {
        ended = true;
      }
    };
    for await (const _ of provider.list({}, calm)) break;
    expect(ended).toBe(true);
  });
});

describe('a provider that is down', () => {
  function failing() {
    const room = opened({ retries: 0, breakAfter: 3, holdBack: 5_000 });
    room.inner.failWith('unavailable');
    return room;
  }

  async function breakDown({ provider }: ReturnType<typeof opened>): Promise<void> {
    for (let count = 0; count < 3; count += 1) await expectError(provider.head('k', calm), 'unavailable');
  }

  test('is left alone after some outages in a row, and health says why', async () => {
    const room = failing();
    expect(room.provider.health()).toEqual({ state: 'up', lastError: null });
    await breakDown(room);
    expect(room.provider.health()).toEqual({
      state: 'down',
      lastError: { code: 'unavailable', message: 'it says unavailable', at: room.clock.time },
      heldUntil: room.clock.time + 5_000,
    });
    const error = await expectError(room.provider.head('k', calm), 'unavailable');
    expect(error).toMatchObject({ key: 'k', message: expect.stringContaining('it says unavailable') });
    await expectError(collect(room.provider), 'unavailable');
    expect(room.inner.calls).toHaveLength(3);
  });

  test('is back after one trial that succeeds', async () => {
    const room = failing();
    await breakDown(room);
    room.inner.heal();
    room.clock.time += 5_000;
    expect(room.provider.health()).toMatchObject({ state: 'down', heldUntil: room.clock.time });
    await put(room.provider, 'k', 'x');
    expect(room.provider.health().state).toBe('up');
    await readAll(room.provider, 'k');
  });

  test('is on probation after a trial: the next outage holds calls back again, and longer', async () => {
    const room = failing();
    await breakDown(room);
    room.inner.heal();
    room.clock.time += 5_000;
    await put(room.provider, 'k', 'x');
    room.inner.failWith('unavailable');
    await expectError(room.provider.head('k', calm), 'unavailable');
    expect(room.provider.health()).toMatchObject({ state: 'down', heldUntil: room.clock.time + 10_000 });
    room.inner.heal();
    room.clock.time += 10_000;
    for (let count = 0; count < 2; count += 1) await readAll(room.provider, 'k');
    room.inner.failWith('unavailable');
    await expectError(room.provider.head('k', calm), 'unavailable');
    expect(room.provider.health().state).toBe('degraded');
  });

  test('a clock that was ahead and is right again does not hold it back until it gets there once more', async () => {
    const room = failing();
    await breakDown(room);
    room.inner.heal();
    room.clock.time -= 3_600_000;
    expect(room.provider.health()).toMatchObject({ state: 'down', heldUntil: room.clock.time });
    await put(room.provider, 'k', 'x');
    expect(room.provider.health().state).toBe('up');
  });

  test('a refusal is a sign of life as well', async () => {
    const room = failing();
    await breakDown(room);
    room.inner.failWith('not-found');
    room.clock.time += 5_000;
    await expectError(room.provider.head('k', calm), 'not-found');
    expect(room.provider.health().state).toBe('up');
  });

  test('a trial that fails holds calls back for longer', async () => {
    const room = failing();
    await breakDown(room);
    for (const hold of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      room.clock.time += hold - 1;
      expect(room.provider.health().state).toBe('down');
      room.clock.time += 1;
      await expectError(room.provider.head('k', calm), 'unavailable');
    }
    expect(room.inner.calls).toHaveLength(9);
  });

  test('only one call tries whether it is back; one that is aborted meanwhile proves nothing', async () => {
    const room = failing();
    await breakDown(room);
    room.clock.time += 5_000;
    room.inner.before = (_, signal) => untilAborted(signal);
    const controller = new AbortController();
    const trial = room.provider.head('k', controller.signal);
    expect(room.provider.health().state).toBe('down');
    await expectError(room.provider.head('other', calm), 'unavailable');
    await expectError(collect(room.provider), 'unavailable');
    controller.abort();
    await expectError(trial, 'aborted');
    expect(room.inner.calls).toHaveLength(4);
    room.inner.failWith('unavailable');
    await expectError(room.provider.head('k', calm), 'unavailable');
    expect(room.provider.health().state).toBe('down');
  });

  test('a listing may be the trial, and its first page is the proof', async () => {
    const room = failing();
    await put(room.inner.memory, 'k', 'x');
    await breakDown(room);
    room.inner.heal();
    room.clock.time += 5_000;
    for await (const _ of room.provider.list({}, calm)) expect(room.provider.health().state).toBe('up');
    await room.provider.head('k', calm);
  });

  test.each<ErrorCode>(['not-found', 'denied', 'throttled', 'conflict', 'aborted'])('%s is no outage', async (code) => {
    const room = opened({ retries: 0, breakAfter: 3 });
    room.inner.failWith(code);
    for (let count = 0; count < 10; count += 1) await expectError(room.provider.head('k', calm), code);
    expect(room.provider.health().state).toBe(['denied', 'throttled'].includes(code) ? 'degraded' : 'up');
  });

  test('one that says for ever that it is asked too much is left alone as well, also when it answers a trial', async () => {
    const { inner, clock, provider } = opened({ retries: 0, breakAfter: 3 });
    inner.failWith('throttled', 14);
    for (let count = 0; count < 14; count += 1) await expectError(provider.head('k', calm), 'throttled');
    await put(provider, 'k', 'x');
    inner.failWith('throttled');
    for (let count = 0; count < 15; count += 1) await expectError(provider.head('k', calm), 'throttled');
    expect(provider.health()).toMatchObject({ state: 'down', lastError: { code: 'throttled' } });
    clock.time += 5_000;
    await expectError(provider.head('k', calm), 'throttled');
    expect(provider.health()).toMatchObject({ heldUntil: clock.time + 10_000 });
    inner.heal();
    clock.time += 10_000;
    await provider.head('k', calm);
    inner.failWith('throttled');
    await expectError(provider.head('k', calm), 'throttled');
    expect(provider.health().state).toBe('down');
  });

  test('outages with answers between them do not add up', async () => {
    const { inner, provider } = opened({ retries: 0, breakAfter: 3 });
    for (let count = 0; count < 10; count += 1) {
      inner.failWith(count % 3 === 2 ? 'not-found' : 'unavailable');
      await expectError(provider.head('k', calm), 'unavailable', 'not-found');
    }
    expect(inner.calls).toHaveLength(10);
  });

  test('what an upload holds is freed all the same', async () => {
    const room = opened({ retries: 0, breakAfter: 3 });
    const upload = await start(room.provider, 'k', { size: 10, partSize: 10 });
    room.inner.failWith('unavailable');
    await breakDown(room);
    room.inner.heal();
    await upload.abort(calm);
    expect(room.inner.calls.at(-1)?.operation).toBe('abort');
  });

  test('a body that breaks off shows in health', async () => {
    const { inner, provider } = opened();
    await put(provider, 'k', 'x');
    inner.body = async function* (chunks) {
      yield* chunks;
      throw inner.error('unavailable');
    };
    await expectError(readAll(provider, 'k'), 'unavailable');
    expect(provider.health()).toMatchObject({ state: 'degraded', lastError: { code: 'unavailable' } });
  });
});
