import { expect, test } from 'vitest';
import { Threads, type Share } from '../../../src/providers/filesystem/threads.ts';
import { calm } from './room.ts';

/** Calls that go on until they are told to end. */
class Calls {
  readonly #under: PromiseWithResolvers<void>[] = [];
  readonly #settled: Promise<void>[] = [];

  begin(share: Share, count = 1, signal?: AbortSignal): void {
    const call = async (): Promise<void> => {
      const ending = Promise.withResolvers<void>();
      this.#under.push(ending);
      await ending.promise;
    };
    for (let n = 0; n < count; n += 1) this.#settled.push(share.run(call, signal));
  }

  async endOne(): Promise<void> {
    this.#under.shift()?.resolve();
    await turns();
  }

  async end(): Promise<void> {
    while (this.#under.length > 0) await this.endOne();
    await Promise.all(this.#settled);
  }
}

const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('one that hangs keeps half of the threads, two keep less than all, and there is always one left', () => {
  const threads = new Threads(4);
  const taken = Array.from({ length: 5 }, () => {
    const share = threads.share();
    new Calls().begin(share, 10);
    return share.taken;
  });
  expect(taken).toEqual([2, 1, 0, 0, 0]);
});

test.for([1, 2, 3])('with %d threads one call at a time goes on', async (size) => {
  const share = new Threads(size).share();
  const calls = new Calls();
  calls.begin(share, 3);
  expect(share.taken).toBe(1);
  await calls.end();
  expect(share.taken).toBe(0);
});

test('one that was alone makes room for another as its calls end', async () => {
  const threads = new Threads(8);
  const [first, second] = [threads.share(), threads.share()];
  const [ofFirst, ofSecond] = [new Calls(), new Calls()];
  ofFirst.begin(first, 20);
  ofSecond.begin(second, 20);
  expect([first.taken, second.taken]).toEqual([4, 2]);
  await ofFirst.endOne();
  await ofFirst.endOne();
  expect([first.taken, second.taken]).toEqual([3, 2]);
  await Promise.all([ofFirst.end(), ofSecond.end()]);
  expect([first.taken, second.taken]).toEqual([0, 0]);
});

test('of more filesystems than threads each has its turn', async () => {
  const threads = new Threads(4);
  const shares = Array.from({ length: 6 }, () => threads.share());
  const ended = shares.map(() => 0);
  await Promise.all(
    shares.map(async (share, at) => {
      const one = async (): Promise<void> => {
        await turns();
        ended[at] = (ended[at] ?? 0) + 1;
      };
      for (let round = 0; round < 10; round += 1) await Promise.all([share.run(one), share.run(one)]);
      expect(Math.min(...ended)).toBeGreaterThan(0);
    }),
  );
  expect(ended).toEqual(shares.map(() => 20));
});

test('a call that was given up counts until it has ended; one that waits for its turn can leave', async () => {
  const share = new Threads(2).share();
  const hung = new Calls();
  hung.begin(share);
  const patience = new AbortController();
  const waiting = share.run(async () => 'called', patience.signal);
  const next = share.run(async () => 'next', calm);
  const reason = new Error('no longer');
  patience.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(share.run(async () => 'called', patience.signal)).rejects.toBe(reason);
  expect(share.taken).toBe(1);
  await hung.end();
  expect(await next).toBe('next');
});

test('a call that fails gives its thread back', async () => {
  const share = new Threads(2).share();
  await expect(share.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(share.taken).toBe(0);
});
