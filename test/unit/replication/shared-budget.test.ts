import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import { SharedBytes } from '../../../src/replication/byte-pool.ts';

const KiB = 1024;
const calm = new AbortController().signal;

/** Budgets of so many threads, all in this one: what they share is the same memory. */
function budgets(threads: number, total = 100 * KiB): ByteBudget[] {
  const memory = SharedBytes.sharedMemory();
  return Array.from({ length: threads }, (_, thread) => new ByteBudget(new SharedBytes(total, memory, thread)));
}

function two(): [ByteBudget, ByteBudget] {
  return budgets(2) as [ByteBudget, ByteBudget];
}

test('what one thread holds the other lacks, until it is given back', async () => {
  const [one, other] = two();
  const giveBack = await one.reserve(70 * KiB, calm);
  expect([one.used, other.used]).toEqual([70 * KiB, 70 * KiB]);
  expect(other.tryReserve(40 * KiB)).toBeUndefined();
  const waiting = other.reserve(40 * KiB, calm);
  giveBack();
  const giveBackOther = await waiting;
  expect(one.used).toBe(40 * KiB);
  giveBackOther();
  expect(one.used).toBe(0);
});

test('a request in vain that does not wait takes no turn', () => {
  const [one, other] = two();
  const giveBack = one.tryReserve(90 * KiB);
  expect(other.tryReserve(20 * KiB)).toBeUndefined();
  expect(one.tryReserve(10 * KiB)).toBeDefined();
  giveBack?.();
});

test('what is large does not starve beside the small ones of another thread', async () => {
  const [one, other] = two();
  const small = await one.reserve(10 * KiB, calm);
  const large = other.reserve(95 * KiB, calm);
  expect(one.tryReserve(KiB), 'it is the turn of the other').toBeUndefined();
  small();
  (await large)();
  expect(one.tryReserve(KiB)).toBeDefined();
});

test('threads in which many wait take turns', async () => {
  const all = budgets(3, KiB);
  const [first] = all as [ByteBudget, ByteBudget, ByteBudget];
  const hold = await first.reserve(KiB, calm);
  const served: number[] = [];
  const waiting = all.flatMap((budget, thread) =>
    [1, 2, 3].map(async () => {
      const giveBack = await budget.reserve(KiB, calm);
      served.push(thread);
      await new Promise((resolve) => setImmediate(resolve));
      giveBack();
    }),
  );
  hold();
  await Promise.all(waiting);
  const turns = [served.slice(0, 3), served.slice(3, 6), served.slice(6)];
  for (const turn of turns) expect(new Set(turn)).toEqual(new Set([0, 1, 2]));
});

test('who gives up waiting gives the turn up too', async () => {
  const [one, other] = two();
  const hold = await one.reserve(90 * KiB, calm);
  const giveUp = new AbortController();
  const waiting = other.reserve(50 * KiB, giveUp.signal);
  expect(one.tryReserve(KiB)).toBeUndefined();
  giveUp.abort(new Error('not any more'));
  await expect(waiting).rejects.toThrow('not any more');
  expect(one.tryReserve(KiB)).toBeDefined();
  hold();
});

test('what a dead thread held is free, and its turn goes to the next', async () => {
  const memory = SharedBytes.sharedMemory();
  const [one, dead] = [0, 1].map((thread) => new ByteBudget(new SharedBytes(100 * KiB, memory, thread))) as [
    ByteBudget,
    ByteBudget,
  ];
  const hold = await one.reserve(10 * KiB, calm);
  await dead.reserve(60 * KiB, calm);
  const given = new AbortController();
  const inVain = dead.reserve(50 * KiB, given.signal);
  const waiting = one.reserve(80 * KiB, calm);
  SharedBytes.forget(memory, 1);
  const giveBack = await waiting;
  expect(one.used).toBe(90 * KiB);
  giveBack();
  hold();
  expect(one.used).toBe(0);
  given.abort(new Error('dead'));
  await expect(inVain).rejects.toThrow('dead');
});

/** Reserves and gives back at random in a real thread, and counts what all of them hold in a second memory. */
const thread = `
import { workerData, parentPort } from 'node:worker_threads';
const { ByteBudget } = await import(workerData.budget);
const { SharedBytes } = await import(workerData.pool);
const held = new Int32Array(workerData.held);
const budget = new ByteBudget(new SharedBytes(workerData.total, workerData.memory, workerData.thread));
let most = 0;
const alive = setInterval(() => undefined, 60_000);
const calm = new AbortController().signal;
await Promise.all(Array.from({ length: 8 }, async (_, lane) => {
  for (let n = 0; n < 300; n += 1) {
    const kib = 1 + ((n * 7919 + lane * 104729 + workerData.thread * 31) % 60);
    const giveBack = await budget.reserve(kib * 1024, calm);
    most = Math.max(most, Atomics.add(held, 0, kib) + kib);
    if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    Atomics.sub(held, 0, kib);
    giveBack();
  }
}));
clearInterval(alive);
parentPort.postMessage(most);
`;

test('real threads never hold more than there is, and all get through', async () => {
  const shared = { memory: SharedBytes.sharedMemory(), held: new SharedArrayBuffer(4), total: 100 * KiB };
  const at = (name: string): string => new URL(`../../../src/replication/${name}.ts`, import.meta.url).href;
  const modules = { budget: at('byte-budget'), pool: at('byte-pool') };
  const peaks = await Promise.all(
    [0, 1, 2].map(async (number) => {
      const url = new URL(`data:text/javascript,${encodeURIComponent(thread)}`);
      const worker = new Worker(url, { workerData: { ...shared, ...modules, thread: number } });
      const [most] = (await once(worker, 'message')) as [number];
      await worker.terminate();
      return most;
    }),
  );
  expect(Math.max(...peaks)).toBeLessThanOrEqual(100);
  expect(Math.max(...peaks)).toBeGreaterThan(60);
  expect(new ByteBudget(new SharedBytes(shared.total, shared.memory, 0)).used).toBe(0);
});
