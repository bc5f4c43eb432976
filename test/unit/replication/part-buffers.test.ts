import { expect, test } from 'vitest';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import { PartBuffers } from '../../../src/replication/part-buffers.ts';

const calm = new AbortController().signal;

test('takes as many buffers as memory allows at the moment, and uses them again', async () => {
  const budget = new ByteBudget(30);
  using buffers = new PartBuffers(10, 4, budget);
  const taken = [await buffers.take(calm), await buffers.take(calm), await buffers.take(calm)];
  expect(budget.used).toBe(30);
  const waiting = buffers.take(calm);
  buffers.give(taken[1] ?? Buffer.alloc(0), true);
  expect((await waiting).buffer).toBe(taken[1]?.buffer);
  expect(budget.used).toBe(30);
});

test('a buffer that somebody may still read is not used again', async () => {
  const budget = new ByteBudget(10);
  using buffers = new PartBuffers(10, 4, budget);
  const first = await buffers.take(calm);
  buffers.give(first, false);
  expect(budget.used).toBe(0);
  expect((await buffers.take(calm)).buffer).not.toBe(first.buffer);
});

test('two objects never wait for each other: each gets its first buffer, more only when nobody waits', async () => {
  const budget = new ByteBudget(30);
  const one = new PartBuffers(10, 4, budget);
  const two = new PartBuffers(20, 4, budget);
  const held = [await one.take(calm), await one.take(calm)];
  const first = two.take(calm);
  const third = one.take(calm);
  one.give(held[0] ?? Buffer.alloc(0), true);
  expect((await third).buffer).toBe(held[0]?.buffer);
  one[Symbol.dispose]();
  expect((await first).length).toBe(20);
  two[Symbol.dispose]();
  expect(budget.used).toBe(0);
});

test('what is free is given back when everything was read, and the last part is kept', async () => {
  const budget = new ByteBudget(30);
  using buffers = new PartBuffers(10, 4, budget);
  const taken = [await buffers.take(calm), await buffers.take(calm), await buffers.take(calm)];
  for (const bytes of taken.slice(0, 2)) buffers.give(bytes, true);
  buffers.trim();
  expect(budget.used).toBe(10);
});
