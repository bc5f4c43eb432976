import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { Worker } from '../../../src/replication/worker.ts';
import {
  idleWorker,
  lackedBy,
  openRoom,
  outstanding,
  pass,
  patience,
  poolOf,
  small,
} from '../../support/thread-room.ts';

const calm = new AbortController().signal;

test('a directory that took the place of a target is no target for a thread that joins', async () => {
  await using place = await openRoom('{ workers: 2 }', small(5));
  await rename(place.at('one'), place.at('one-away'));
  await mkdir(place.at('one'));
  await using pool = poolOf(place);
  const stop = new AbortController();
  const worker = idleWorker(place);
  const assisting = pool.assist(worker, stop.signal, calm);
  await vi.waitFor(async () => expect(await lackedBy(place, 'two')).toBe(0), patience);
  expect(await lackedBy(place, 'one')).toBe(5);
  expect(await readdir(place.at('one'))).toEqual([]);
  await rmdir(place.at('one'));
  await rename(place.at('one-away'), place.at('one'));
  await vi.waitFor(async () => expect(await lackedBy(place, 'one')).toBe(0), patience);
  stop.abort();
  await assisting;
  expect(worker.tally).toMatchObject({ copied: 10, failures: 0 });
});

test('a target that the main thread did not reach is neither made nor used by others, until it did', async () => {
  await using place = await openRoom(
    '{ workers: 2 }',
    small(5),
    undefined,
    async (at) => await writeFile(at('one'), ''),
  );
  await rm(place.at('one'));
  await using pool = poolOf(place);
  const stop = new AbortController();
  const assisting = pool.assist(idleWorker(place), stop.signal, calm);
  await vi.waitFor(async () => expect(await lackedBy(place, 'two')).toBe(0), patience);
  expect(await readdir(place.at(''))).not.toContain('one');
  expect(await lackedBy(place, 'one')).toBe(5);
  await place.replicator.sites.find(({ name }) => name === 'one')?.connect('target', calm);
  await vi.waitFor(async () => expect(await lackedBy(place, 'one')).toBe(0), patience);
  stop.abort();
  await assisting;
});

test('what a target that is behind may hold is counted for all threads together', async () => {
  await using place = await openRoom('{ workers: 2 }', small(110));
  await using pool = poolOf(place);
  const { engine, policies } = place.replicator;
  await new Worker(engine, { policies, finished: () => true }).run(calm, calm);
  for (let n = 0; n < 110; n += 1) await rm(place.at(`one/k${n}`));
  await pass(place.replicator);
  // The main thread holds all that one target of two may have while it is behind.
  const part = pool.bytesOf(engine.budget.total / 4, 'one');
  expect(part.take(part.total)).toBe(true);
  const stop = new AbortController();
  const assisting = pool.assist(idleWorker(place), stop.signal, calm);
  await vi.waitFor(async () => expect(await outstanding(place)).not.toMatchObject({ leased: 0 }), patience);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await readdir(place.at('one'))).toEqual(['.holdfast']);
  part.give(part.total);
  await vi.waitFor(async () => expect(await lackedBy(place, 'one')).toBe(0), patience);
  stop.abort();
  await assisting;
});
