import { getEventListeners } from 'node:events';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import { noAttributes } from '../../../src/objects/object.ts';
import type { ObjectReader, Provider, Upload } from '../../../src/providers/provider.ts';
import { patient, type PatienceOptions } from '../../../src/providers/patient.ts';
import { calm, collect, expectError, put, readAll, recordFor } from '../../contract/provider/room.ts';
import { digestOf } from '../../support/digest.ts';
import { Hooked, untilAborted } from '../../support/hooked.ts';

async function opened(options: PatienceOptions = {}) {
  const inner = new Hooked();
  await put(inner.memory, 'k', 'bytes');
  return { inner, provider: patient(inner.provider, options) };
}

const hangs = (): Promise<never> => new Promise(() => undefined);

describe('a request', () => {
  test('that takes too long becomes unavailable, and what is below it is told to stop', async () => {
    const { inner, provider } = await opened({ request: { head: 10 } });
    inner.before = (_, signal) => untilAborted(signal);
    const error = await expectError(provider.head('k', calm), 'unavailable');
    expect(error).toMatchObject({ key: 'k', message: expect.stringContaining('did not head within') });
    expect(inner.signal?.aborted).toBe(true);
  });

  test('has the time its bytes need besides', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { inner, provider } = await opened({ request: { put: 1_000 } });
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    inner.before = (_, signal) => {
      arrive();
      return untilAborted(signal);
    };
    let settled = false;
    const writing = put(provider, 'k', Buffer.alloc(65_536)).finally(() => (settled = true));
    writing.catch(() => undefined);
    await arrived;
    await vi.advanceTimersByTimeAsync(1_999);
    expect(settled).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await expectError(writing, 'unavailable');
  });

  test('that puts a large object together has time for its size', async () => {
    const { inner } = await opened();
    const waits: number[] = [];
    const clock = { ...systemClock, after: (ms: number) => (waits.push(ms), () => undefined) };
    const provider = patient(inner.provider, { request: { complete: 1_000 }, clock });
    const options = { size: 2 ** 26, partSize: 2 ** 23, attributes: noAttributes };
    const upload = await provider.startUpload('k', options, calm);
    await expect(
      upload.complete(await digestOf(Buffer.alloc(0)), await recordFor(Buffer.alloc(0)), calm),
    ).rejects.toMatchObject({ code: 'invalid' });
    expect(waits.at(-1)).toBe(5_000);
  });

  test('that does not stop when it is told to is left to itself; what it opens later is closed', async () => {
    const { inner, provider } = await opened({ request: { read: 5 }, grace: 5 });
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const stubborn = {
      ...inner.provider,
      read: async (): Promise<ObjectReader> => {
        await released;
        const reader = await inner.memory.read('k', {}, calm);
        return { ...reader, [Symbol.asyncDispose]: async () => closed.resolve() };
      },
    };
    const impatient = patient(stubborn, { request: { read: 5 }, grace: 5 });
    await expectError(impatient.read('k', {}, calm), 'unavailable');
    release();
    await closed.promise;
    inner.before = hangs;
    const controller = new AbortController();
    const head = provider.head('k', controller.signal);
    controller.abort();
    await expectError(head, 'aborted');
    await expectError(provider.head('k', AbortSignal.abort()), 'aborted');
  });

  test('that fails by itself keeps its error', async () => {
    const { inner, provider } = await opened();
    const error = inner.error('denied');
    inner.before = () => {
      throw error;
    };
    await expect(provider.head('k', calm)).rejects.toBe(error);
  });
});

describe('a body', () => {
  test('on which nothing comes becomes unavailable, and the request is told to stop', async () => {
    const { inner, provider } = await opened({ idle: 10 });
    inner.body = async function* () {
      yield Buffer.from('by');
      await hangs();
    };
    const error = await expectError(readAll(provider, 'k'), 'unavailable');
    expect(error).toMatchObject({ key: 'k', message: expect.stringContaining('stalled') });
    expect(inner.signal?.aborted).toBe(true);
  });

  test('that hangs ends when it is aborted', async () => {
    const { inner, provider } = await opened();
    inner.body = async function* () {
      yield Buffer.from('by');
      await hangs();
    };
    const controller = new AbortController();
    await using reader = await provider.read('k', {}, controller.signal);
    const reading = Array.fromAsync(reader.body);
    controller.abort();
    await expectError(reading, 'aborted');
  });

  test('has no limit but that, and none while nobody asks for more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { inner, provider } = await opened({ idle: 100, request: { read: 100 } });
    await put(inner.memory, 'k', Buffer.alloc(300_000));
    await using reader = await provider.read('k', {}, calm);
    let length = 0;
    for await (const chunk of reader.body) {
      length += chunk.length;
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(length).toBe(300_000);
  });

  test('left early ends what is below it', async () => {
    const { inner, provider } = await opened();
    let ended = false;
    inner.body = async function* (chunks) {
      try {
        yield* chunks;
      } finally {
        ended = true;
      }
    };
    await using reader = await provider.read('k', {}, calm);
    for await (const _ of reader.body) break;
    expect(ended).toBe(true);
  });
});

describe('a listing', () => {
  test('on which nothing comes becomes unavailable, and what is below it is told to stop', async () => {
    const { inner, provider } = await opened({ request: { list: 10 } });
    let ended = false;
    inner.listing = async function* (_, signal) {
      try {
        yield { entries: [] };
        await untilAborted(signal);
      } finally {
        ended = true;
      }
    };
    await expectError(collect(provider), 'unavailable');
    await expect.poll(() => ended).toBe(true);
    inner.listing = () => ({ [Symbol.asyncIterator]: () => ({ next: hangs }) });
    await expectError(collect(provider), 'unavailable');
  });

  test('that hangs ends when it is aborted', async () => {
    const { inner, provider } = await opened();
    inner.listing = () => ({ [Symbol.asyncIterator]: () => ({ next: hangs }) });
    const controller = new AbortController();
    const listing = collect(provider, {}, controller.signal);
    controller.abort();
    await expectError(listing, 'aborted');
    await expectError(collect(provider, {}, AbortSignal.abort()), 'aborted');
  });

  test('that goes on in spite of that is ended all the same', async () => {
    const { inner, provider } = await opened({ request: { list: 10 } });
    const ended = Promise.withResolvers<void>();
    inner.listing = async function* (_, signal) {
      try {
        await untilAborted(signal).catch(() => undefined);
        yield { entries: [] };
      } finally {
        ended.resolve();
      }
    };
    await expectError(collect(provider), 'unavailable');
    await ended.promise;
  });

  test('whose generator threw does not ask it again', async () => {
    const { inner, provider } = await opened();
    let asked = 0;
    const next = (): Promise<never> => {
      asked += 1;
      return Promise.reject(inner.error('unavailable'));
    };
    inner.listing = () => ({ [Symbol.asyncIterator]: () => ({ next, return: next }) });
    await expectError(collect(provider), 'unavailable');
    expect(asked).toBe(1);
  });
});

describe('what is freed', () => {
  test.for(['a reader', 'an upload that is left', 'the provider'])('and hangs is not waited for: %s', async (which) => {
    const { inner } = await opened();
    const stubborn: Provider = {
      ...inner.provider,
      read: async (...given) => ({ ...(await inner.memory.read(...given)), [Symbol.asyncDispose]: hangs }),
      startUpload: async (...given) => withLeave(await inner.memory.startUpload(...given), hangs),
      close: hangs,
    };
    const provider = patient(stubborn, { grace: 5 });
    const options = { size: 1, partSize: 1, attributes: noAttributes };
    if (which === 'a reader') await (await provider.read('k', {}, calm))[Symbol.asyncDispose]();
    else if (which === 'the provider') await provider.close();
    else await (await provider.startUpload('k', options, calm)).leave();
  });

  test('and fails says so', async () => {
    const { inner } = await opened();
    const provider = patient({ ...inner.provider, close: () => Promise.reject(new Error('no')) }, { grace: 5 });
    await expect(provider.close()).rejects.toThrow('no');
  });
});

function withLeave(upload: Upload, leave: Upload['leave']): Upload {
  return {
    checkpoint: upload.checkpoint,
    part: (...given) => upload.part(...given),
    complete: (...given) => upload.complete(...given),
    abort: (signal) => upload.abort(signal),
    leave,
  };
}

test('nothing stays on a signal that many calls share', async () => {
  const { inner, provider } = await opened({ idle: 10, request: { list: 10, head: 10 } });
  const { signal } = new AbortController();
  for (let count = 0; count < 20; count += 1) {
    await put(provider, 'k', 'x', { signal });
    await collect(provider, {}, signal);
    await using reader = await provider.read('k', {}, signal);
    for await (const _ of reader.body) break;
    await expectError(provider.read('no', {}, signal), 'not-found');
  }
  inner.before = (_, told) => untilAborted(told);
  inner.listing = () => ({ [Symbol.asyncIterator]: () => ({ next: hangs }) });
  await expectError(provider.head('k', signal), 'unavailable');
  await expectError(collect(provider, {}, signal), 'unavailable');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
