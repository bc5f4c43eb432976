import { writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import type { Worker as Thread } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CatalogError } from '../../../src/catalog/errors.ts';
import { exitStatusOf } from '../../../src/cli/exit-status.ts';
import { UsageError } from '../../../src/objects/errors.ts';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import { SharedBytes } from '../../../src/replication/byte-pool.ts';
import { silentLog, type Log } from '../../../src/telemetry/log.ts';
import { errorOf, failureOf } from '../../../src/workers/failure.ts';
import type { WorkerPool } from '../../../src/workers/pool.ts';
import { bytesOf } from '../../support/bytes.ts';
import {
  hurried,
  idleWorker,
  openRoom,
  outstanding,
  pass,
  patience,
  poolOf,
  quiet,
  small,
  type Room,
} from '../../support/thread-room.ts';

const MiB = 1024 ** 2;
const calm = new AbortController().signal;

/** The threads themselves, in the order they were begun. */
let threads: Thread[] = [];
const note = (thread: Thread): void => void threads.push(thread);
beforeEach(() => {
  threads = [];
  process.on('worker', note);
});
afterEach(() => void process.off('worker', note));

function thread(index: number): Thread {
  const found = threads[index];
  if (found === undefined) throw new Error(`thread ${index} was not begun`);
  return found;
}

/** For two threads beside the main one that are to work for hours. */
async function slowRoom(): Promise<Room> {
  return await openRoom('{ workers: 3, memory: 16MiB, bandwidth: 20KiB/s }', {});
}

/** Both threads join, and then find more than one of them claims, and more than fits into the memory. */
async function engaged(place: Room, pool: WorkerPool): Promise<void> {
  await vi.waitFor(() => expect(pool.size).toBe(3), patience);
  for (let n = 0; n < 60; n += 1) await writeFile(place.at(`source/k${n}`), bytesOf(MiB, `${n}`));
  await pass(place.replicator);
  await vi.waitFor(async () => expect((await outstanding(place)).leased).toBeGreaterThan(22), patience);
}

test('a thread that dies at work ends the work at once, and what it held is free', async () => {
  await using place = await slowRoom();
  const error = vi.fn<Log['error']>();
  await using pool = poolOf(place, { log: { ...silentLog, error } });
  const { budget } = place.replicator.engine;
  const ours = new ByteBudget(new SharedBytes(budget.total, pool.bytes, 0));
  const assisting = pool.assist(idleWorker(place), calm, calm);
  assisting.catch(() => undefined);
  await engaged(place, pool);
  await vi.waitFor(() => {
    expect(ours.used).toBeGreaterThan(8 * MiB);
    // One of the threads waits, and it is its turn: nobody else gets the least.
    expect(ours.tryReserve(1024)).toBeUndefined();
  }, patience);
  const waiting = ours.reserve(ours.total, calm);
  await thread(0).terminate();
  await expect(assisting).rejects.toThrow('it ended by itself');
  (await waiting)();
  expect(ours.used).toBe(0);
  expect(pool.size).toBe(2);
  expect(error).toHaveBeenCalledWith(
    expect.objectContaining({ thread: 1, stack: expect.stringContaining('thread-handle') }),
    'worker thread 1 broke: it ended by itself (exit code 1)',
  );
}, 60_000);

test('the others go on without a thread that ran out of memory, with its share', async () => {
  await using place = await openRoom('{ workers: 2, concurrency: 10 }', small(20));
  const error = vi.fn<Log['error']>();
  await using pool = poolOf(place, { log: { ...silentLog, error } });
  const { concurrency } = place.replicator.limits;
  const stop = new AbortController();
  const assisting = pool.assist(idleWorker(place), stop.signal, calm);
  await vi.waitFor(async () => expect(await outstanding(place)).toMatchObject({ due: 0, leased: 0 }), patience);
  expect(concurrency.value).toBe(5);
  thread(0).emit('error', Object.assign(new Error('heap'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }));
  await thread(0).terminate();
  expect([pool.size, concurrency.value]).toEqual([1, 10]);
  expect(error.mock.calls.map(([, said]) => said)).toEqual(['worker thread 1 broke: heap']);
  stop.abort();
  await assisting;
});

test('what ends the work of a thread ends that of all, as it was', async () => {
  await using place = await openRoom('{ workers: 2 }', small(20));
  using db = new DatabaseSync(place.at('catalog.db'));
  db.exec(`create trigger broken before update on copies begin select raise(abort, 'a mistake'); end`);
  const error = vi.fn<Log['error']>();
  await using pool = poolOf(place, { log: { ...silentLog, error } });
  await expect(pool.assist(idleWorker(place), calm, calm)).rejects.toMatchObject({
    message: 'a mistake',
    stack: expect.stringContaining('src/catalog/sqlite'),
  });
  expect(error.mock.calls.map(([, said]) => said)).toEqual(['worker thread 1 broke: a mistake']);
});

test('a damaged catalog that a thread meets is one for the whole process', async () => {
  await using place = await openRoom('{ workers: 2 }', small(5));
  await writeFile(place.at('other.db'), 'x'.repeat(10_000));
  const catalog = { type: 'sqlite' as const, file: place.at('other.db') };
  await using pool = poolOf(place, { config: { ...place.config, catalog } });
  const met: unknown = await pool.assist(idleWorker(place), calm, calm).catch((error: unknown) => error);
  expect(met).toBeInstanceOf(CatalogError);
  expect(met).toMatchObject({ code: 'corrupt', message: expect.stringMatching(/^Catalog .*rebuild-catalog/) });
  expect(exitStatusOf(met)).toBe(2);
});

test('an error that came from a thread is what it was', () => {
  for (const error of [
    new CatalogError('newer-schema', 'too new'),
    new UsageError('no such'),
    new Error('a mistake'),
  ]) {
    const arrived = errorOf(structuredClone(failureOf(error)));
    expect(arrived).toStrictEqual(error);
    expect([arrived.stack, exitStatusOf(arrived)]).toEqual([error.stack, exitStatusOf(error)]);
  }
});

test.each([
  ['whose catalog cannot be opened', (place: Room) => ({ config: elsewhere(place) }), /EISDIR/],
  ['that cannot be had', () => ({ beginning: { ...quiet, most: 2, lacking: noMap() } }), /could not be cloned/],
])('a thread %s is done without', async (_, options, why) => {
  await using place = await openRoom('{ workers: 2, concurrency: 10 }', small(5));
  const warn = vi.fn<Log['warn']>();
  await using pool = poolOf(place, { log: { ...silentLog, warn }, ...options(place) });
  const stop = new AbortController();
  const assisting = pool.assist(idleWorker(place), stop.signal, calm);
  await vi.waitFor(() => expect(warn).toHaveBeenCalled(), patience);
  expect([pool.size, place.replicator.limits.concurrency.value]).toEqual([1, 10]);
  stop.abort();
  await assisting;
  expect(warn.mock.calls.map(([, said]) => said)).toEqual([expect.stringMatching(why)]);
});

function elsewhere({ config, at }: Room): Room['config'] {
  return { ...config, catalog: { type: 'sqlite' as const, file: at('source') } };
}

/** Cannot be sent to a thread, so that none begins. */
function noMap(): Map<string, string> {
  return new Map([['x', (() => 'x') as unknown as string]]);
}

test('where the others never come down to their share no thread joins, and they have all again', async () => {
  await using place = await openRoom('{ workers: 2, concurrency: 10 }', small(5));
  const warn = vi.fn<Log['warn']>();
  await using pool = poolOf(place, { log: { ...silentLog, warn }, pace: { ...hurried, joinWithin: 5_000 } });
  const stop = new AbortController();
  const assisting = pool.assist({ ...idleWorker(place), pending: 10 }, stop.signal, calm);
  await vi.waitFor(() => expect(warn).toHaveBeenCalled(), patience);
  expect([pool.size, place.replicator.limits.concurrency.value]).toEqual([1, 10]);
  stop.abort();
  await assisting;
  expect(await outstanding(place)).toMatchObject({ due: 10 });
}, 60_000);

test('limits that leave room for one have all others stop at once', async () => {
  await using place = await slowRoom();
  await using pool = poolOf(place);
  const [stop, abort] = [new AbortController(), new AbortController()];
  const assisting = pool.assist(idleWorker(place), stop.signal, abort.signal);
  await engaged(place, pool);
  const orders = threads.map((one) => vi.spyOn(one, 'postMessage'));
  const { limits } = place.replicator;
  limits.change({ ...limits.config, limits: { ...limits.config.limits, concurrency: 1 } });
  await vi.waitFor(() => {
    for (const given of orders) expect(given).toHaveBeenCalledWith({ kind: 'stop' });
  }, patience);
  expect(pool.size).toBe(3);
  stop.abort();
  abort.abort();
  await assisting;
}, 60_000);

test('a thread that does not give up in time is ended', async () => {
  await using place = await slowRoom();
  const error = vi.fn<Log['error']>();
  await using pool = poolOf(place, { log: { ...silentLog, error }, pace: { ...hurried, giveUpWithin: 500 } });
  const [stop, abort] = [new AbortController(), new AbortController()];
  const assisting = pool.assist(idleWorker(place), stop.signal, abort.signal);
  await engaged(place, pool);
  // As if it were deaf.
  for (const one of threads) vi.spyOn(one, 'postMessage').mockReturnValue();
  stop.abort();
  abort.abort();
  await assisting;
  // Nobody waits for it; it leaves when it can.
  await vi.waitFor(() => expect(pool.size).toBe(1));
  expect(error).toHaveBeenCalledWith(expect.anything(), expect.stringMatching(/did not within 0.5 s/));
}, 60_000);

/** SQLite waits 30 s for a lock. */
const locked = 90_000;

function lock(place: Room): DatabaseSync {
  const db = new DatabaseSync(place.at('catalog.db'));
  db.exec('begin immediate');
  return db;
}

test.concurrent(
  'a thread that is beginning need not be waited for when the work is over',
  async ({ expect }) => {
    await using place = await openRoom('{ workers: 2 }', small(5));
    const begun: Thread[] = [];
    const noteOwn = (one: Thread): void => void begun.push(one);
    process.on('worker', noteOwn);
    await using pool = poolOf(place);
    using _ = lock(place);
    const stop = new AbortController();
    const assisting = pool.assist(idleWorker(place), stop.signal, calm);
    await vi.waitFor(() => expect(begun.length).toBeGreaterThan(0), patience);
    process.off('worker', noteOwn);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    stop.abort();
    await assisting;
    expect(pool.size).toBe(1);
  },
  locked,
);

test.concurrent(
  'where the main thread does not outlast a catalog that cannot be written, no other does',
  async ({ expect }) => {
    await using place = await openRoom('{ workers: 2 }', small(5));
    const warn = vi.fn<Log['warn']>();
    const beginning = { ...quiet, most: 2, outlasts: false };
    await using pool = poolOf(place, { beginning, log: { ...silentLog, warn } });
    using _ = lock(place);
    const stop = new AbortController();
    const assisting = pool.assist(idleWorker(place), stop.signal, calm);
    await vi.waitFor(() => expect(warn).toHaveBeenCalled(), { timeout: 80_000, interval: 100 });
    expect(warn).toHaveBeenCalledWith(
      expect.objectContaining({ code: 'busy' }),
      expect.stringMatching(/kept it locked/),
    );
    stop.abort();
    await assisting;
  },
  locked,
);
