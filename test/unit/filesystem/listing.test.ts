import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Key } from '../../../src/objects/key.ts';
import { compareKeys } from '../../../src/objects/key.ts';
import { openFilesystem } from '../../../src/providers/filesystem/filesystem.ts';
import { printedSeed } from '../../support/seed.ts';
import { calm, list, newDirectory, openRoom, put } from './room.ts';

const names = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '!', '0', '\u00e9'), minLength: 1, maxLength: 7 });

test('in order and whole, for any keys, prefix and start, however few names fit in memory', async () => {
  const seed = printedSeed('filesystem listing');
  await using room = await openRoom({}, { maxNames: 2 });
  const property = fc.asyncProperty(
    fc.uniqueArray(names, { maxLength: 14 }),
    names,
    names,
    async (keys, prefix, after) => {
      for (const key of keys) await put(room.provider, key, key);
      const sorted = keys.toSorted(compareKeys);
      const below = sorted.filter((key) => key.startsWith(prefix));
      expect((await list(room.provider)).keys).toEqual(sorted);
      expect((await list(room.provider, { prefix })).keys).toEqual(below);
      const rest = below.filter((key) => compareKeys(key, after) > 0);
      expect((await list(room.provider, { prefix, after })).keys).toEqual(rest);
      for (const cut of keys) {
        const beyond = sorted.filter((key) => compareKeys(key, cut) > 0);
        expect((await list(room.provider, { after: cut })).keys).toEqual(beyond);
      }
      for (const key of keys) await room.provider.delete(key, {}, calm);
      expect((await list(room.provider)).keys).toEqual([]);
    },
  );
  await fc.assert(property, { seed, numRuns: 25, endOnFailure: true });
});

test('pages hold a thousand, in order, of a directory read in passes', async () => {
  await using room = await openRoom({}, { maxNames: 100 });
  const keys = Array.from({ length: 2_345 }, (_, index) => `n${index}`);
  await Promise.all(keys.map((key) => writeFile(join(room.path, key), '')));
  const pages: Key[][] = [];
  for await (const page of room.provider.list({}, calm)) pages.push(page.entries.map((entry) => entry.key));
  expect(pages.map((page) => page.length)).toEqual([1_000, 1_000, 345]);
  expect(pages.flat()).toEqual(keys.toSorted(compareKeys));
});

test('files and directories that vanish meanwhile are left out, the others are all there', async () => {
  await using room = await openRoom();
  const keys = Array.from({ length: 1_500 }, (_, index) => `k/${String(index).padStart(5, '0')}`);
  await mkdir(join(room.path, 'k'));
  await mkdir(join(room.path, 'z/deep'), { recursive: true });
  await Promise.all([...keys, 'z/deep/file'].map((key) => writeFile(join(room.path, key), '')));
  const seen: Key[] = [];
  for await (const page of room.provider.list({}, calm)) {
    if (seen.length === 0) await rm(join(room.path, 'z'), { recursive: true });
    if (seen.length === 0) await rm(join(room.path, 'k/01400'));
    seen.push(...page.entries.map((entry) => entry.key));
  }
  expect(seen).toEqual(keys.filter((key) => key !== 'k/01400'));
});

test("Holdfast's own directory is not listed, whatever lies in it", async () => {
  await using room = await openRoom();
  for (const name of ['tmp/left', 'keys/zz', 'keys/6', 'keys/stray+', 'meta/x', 'y']) {
    await writeFile(join(room.path, '.holdfast', name), '');
  }
  await put(room.provider, 'x', 'x');
  expect(await list(room.provider)).toMatchObject({ keys: ['x'], ignored: {} });
  expect((await list(room.provider, { prefix: '.holdfast/' })).keys).toEqual([]);
});

test('a root that is gone, or another one, is no empty listing', async () => {
  await using room = await openRoom();
  await put(room.provider, 'x', 'x');
  await rename(room.path, `${room.path}-away`);
  await expect(list(room.provider)).rejects.toMatchObject({ code: 'not-found' });
  // What an unmounted disk leaves: an empty directory of the same name.
  await mkdir(room.path);
  await writeFile(join(room.path, 'of another disk'), '');
  const listing = room.provider.list({}, calm)[Symbol.asyncIterator]();
  await expect(listing.next()).rejects.toMatchObject({ code: 'unavailable' });
  await expect(room.provider.head('x', calm)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(room.provider.delete('x', {}, calm)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(put(room.provider, 'y', 'y')).rejects.toMatchObject({ code: 'unavailable' });
  await rm(room.path, { recursive: true });
  await rename(`${room.path}-away`, room.path);
  expect((await list(room.provider)).keys).toEqual(['x']);
});

test('a root that goes while it is being listed breaks the listing', async () => {
  await using room = await openRoom();
  await mkdir(join(room.path, 'z'));
  const keys = Array.from({ length: 1_100 }, (_, index) => `k${index}`);
  await Promise.all([...keys, 'z/last'].map((key) => writeFile(join(room.path, key), '')));
  const away = `${room.path}-away`;
  const listing = (async () => {
    for await (const _ of room.provider.list({}, calm)) await rename(room.path, away).catch(() => undefined);
  })();
  await expect(listing).rejects.toMatchObject({ name: 'ProviderError', code: 'not-found' });
  await rename(away, room.path);
});

test('snapshots of the catalog lie at plain paths, and are listed where they are asked for', async () => {
  await using room = await openRoom();
  const files = ['.holdfast/catalog/ab/1/catalog.db.gz', '.holdfast/catalog/ab/2/SHA256SUMS', '.holdfast/catalog/c'];
  const all = [...files, '.holdfast/history/x'];
  for (const key of ['a', ...all]) await put(room.provider, key, key);
  for (const key of files) expect(await readFile(join(room.path, key), 'utf8')).toBe(key);
  const below = async (prefix: string, after = ''): Promise<readonly Key[]> =>
    (await list(room.provider, { prefix, after })).keys;
  expect(await below('')).toEqual(['a']);
  expect(await below('.holdfast/')).toEqual(all);
  for (const prefix of ['.holdfast/cat', '.holdfast/catalog/']) expect(await below(prefix)).toEqual(files);
  expect(await below('.holdfast/catalog/ab/')).toEqual(files.slice(0, 2));
  expect(await below('.holdfast/catalog/ab/1/cat')).toEqual(files.slice(0, 1));
  expect(await below('.holdfast/catalog/', files[0])).toEqual(files.slice(1));
  expect(await below('.holdfast/history/')).toEqual(['.holdfast/history/x']);
  expect((await room.provider.head(files[1] ?? '', calm)).size).toBe(33);
  await room.provider.delete(files[1] ?? '', {}, calm);
  expect(await below('.holdfast/catalog/ab/2/')).toEqual([]);
});

test('a source must exist and be a directory', async () => {
  const path = await newDirectory();
  await writeFile(join(path, 'file'), '');
  for (const missing of ['none', 'file', 'file/below']) {
    const provider = openFilesystem({ name: 'source', path: join(path, missing) });
    await expect(provider.connect('source', calm)).rejects.toMatchObject({ code: 'not-found', provider: 'source' });
    await expect(list(provider)).rejects.toMatchObject({ code: 'not-found' });
  }
  await rm(path, { recursive: true });
});

test('a target is made where it is missing; a prefix is a directory of its own', async () => {
  const path = await newDirectory();
  await using room = await openRoom({ path: join(path, 'not/yet'), prefix: 'replicas/' });
  await put(room.provider, 'x', 'x');
  await using whole = await openRoom({ path: join(path, 'not/yet/replicas') });
  expect((await list(whole.provider)).keys).toEqual(['x']);
  const identity = async (provider: typeof room.provider) => (await provider.connect('source', calm)).identity;
  expect(await identity(room.provider)).toBe(await identity(whole.provider));
  await rm(path, { recursive: true });
});
