import { appendFile, open, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock, type Clock } from '../../../src/objects/clock.ts';
import type { ReadOptions } from '../../../src/providers/provider.ts';
import { bytesOf } from '../../support/bytes.ts';
import { calm, list, openRoom, put, readText } from './room.ts';
import type { Room } from './room.ts';

const mebibyte = 1024 * 1024;

/** Reads all of `key`, doing `meanwhile` after the first chunk. */
async function readWhile(
  { provider }: Room,
  key: string,
  meanwhile: () => Promise<unknown>,
  range: ReadOptions = {},
): Promise<Buffer> {
  await using reader = await provider.read(key, range, calm);
  const chunks: Uint8Array[] = [];
  for await (const chunk of reader.body) {
    chunks.push(chunk);
    if (chunks.length === 1) await meanwhile();
  }
  return Buffer.concat(chunks);
}

test('chunks may be kept', async () => {
  await using room = await openRoom();
  const bytes = bytesOf(3 * mebibyte + 5, 'kept');
  await put(room.provider, 'x', bytes);
  expect((await readWhile(room, 'x', async () => undefined)).equals(bytes)).toBe(true);
});

test.each<[string, (path: string) => Promise<unknown>]>([
  ['grows', (path) => appendFile(path, 'more')],
  ['shrinks', (path) => truncate(path, mebibyte + 1)],
  ['is rewritten', (path) => writeFile(path, bytesOf(3 * mebibyte, 'rewritten'), { flag: 'r+' })],
  ['is rewritten and dated back', rewriteAndDateBack],
])('a file that %s while being read ends with a conflict', async (_, change) => {
  await using room = await openRoom();
  await put(room.provider, 'x', bytesOf(3 * mebibyte, 'before'));
  const reading = readWhile(room, 'x', () => change(join(room.path, 'x')));
  // The length, not the bytes: a failing case would print them.
  const length = reading.then((bytes) => bytes.length);
  await expect(length).rejects.toMatchObject({ name: 'ProviderError', code: 'conflict', key: 'x' });
});

async function rewriteAndDateBack(path: string): Promise<void> {
  const { atime, mtime } = await stat(path);
  await using file = await open(path, 'r+');
  await file.write(Buffer.from('x'), 0, 1, 2 * mebibyte + 7);
  await utimes(path, atime, mtime);
}

test('a change of content alone, with size and time as they were, is another version', async () => {
  await using room = await openRoom();
  await put(room.provider, 'x', bytesOf(3 * mebibyte, 'before'));
  const [before] = (await list(room.provider)).entries;
  await rewriteAndDateBack(join(room.path, 'x'));
  const [after] = (await list(room.provider)).entries;
  expect(after?.version).not.toBe(before?.version);
  const stale = room.provider.read('x', { version: before?.version ?? '' }, calm);
  await expect(stale).rejects.toMatchObject({ code: 'conflict' });
});

test('a file changed just now is read only after the tick of the clock is over', async () => {
  const slept: number[] = [];
  let now = 0;
  const clock: Clock = {
    ...systemClock,
    now: () => now,
    sleep: async (ms) => {
      slept.push(ms);
      now += ms;
    },
  };
  await using room = await openRoom({}, { clock });
  await writeFile(join(room.path, 'x'), 'x');
  now = Math.floor((await stat(join(room.path, 'x'))).mtimeMs) + 3;
  expect(await readText(room.provider, 'x')).toBe('x');
  expect(slept).toEqual([17]);
  expect(await readText(room.provider, 'x')).toBe('x');
  expect(slept).toEqual([17]);
});

test('a copy of an old source is read back without waiting', async () => {
  const slept: number[] = [];
  const clock: Clock = { ...systemClock, now: () => Date.now(), sleep: async (ms) => void slept.push(ms) };
  await using room = await openRoom({}, { clock });
  await put(room.provider, 'x', 'x');
  await readText(room.provider, 'x');
  expect(slept).toEqual([]);
});

test('a twin written at once bears another version', async () => {
  await using room = await openRoom();
  let last = '';
  for (let round = 0; round < 20; round += 1) {
    const { version } = await put(room.provider, 'x', String(round % 10));
    expect(version).not.toBe(last);
    expect((await room.provider.head('x', calm)).version).toBe(version);
    last = version;
  }
});

test('a file that changes while a range of it is read does not count, though the change is elsewhere', async () => {
  await using room = await openRoom();
  await put(room.provider, 'x', bytesOf(5 * mebibyte));
  const change = (): Promise<unknown> => appendFile(join(room.path, 'x'), 'more');
  const reading = readWhile(room, 'x', change, { from: mebibyte, to: 4 * mebibyte });
  await expect(reading.then((bytes) => bytes.length)).rejects.toMatchObject({ code: 'conflict' });
});
