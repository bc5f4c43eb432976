import type { BigIntStats } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Key } from '../../../src/objects/key.ts';
import { compareKeys } from '../../../src/objects/key.ts';
import { Disk, OpenFile } from '../../../src/providers/filesystem/disk.ts';
import { openFilesystem } from '../../../src/providers/filesystem/filesystem.ts';
import { noAttributes } from '../../../src/objects/object.ts';
import { finish, partsOf } from '../../contract/provider/parts.ts';
import { printedSeed } from '../../support/seed.ts';
import { calm, list, newDirectory, openRoom, put, readText } from './room.ts';

const names = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '!', '0', '\u00e9'), minLength: 1, maxLength: 7 });

/** What is found tells another device; `before`: what happens until then. */
function elsewhere<T extends 'lstat' | 'stat'>(
  of: Record<T, (...args: never[]) => Promise<BigIntStats>>,
  call: T,
  before: () => Promise<void> = async () => undefined,
): Disposable {
  const real = of[call];
  of[call] = async function (this: unknown, ...args) {
    const found = await real.apply(this, args);
    await before();
    found.dev += 1n;
    return found;
  };
  return { [Symbol.dispose]: () => void (of[call] = real) };
}

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
  const gone = { code: 'unavailable', message: expect.stringMatching(/is gone since Holdfast opened it/) as string };
  await expect(list(room.provider)).rejects.toMatchObject(gone);
  await expect(room.provider.head('x', calm)).rejects.toMatchObject(gone);
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

test('a root that was replaced takes no copy, although somebody else made it a target', async () => {
  await using room = await openRoom();
  const bytes = Buffer.from('0123456789');
  const options = { size: bytes.length, partSize: 4, attributes: noAttributes };
  const upload = await room.provider.startUpload('large', options, calm);
  for (const part of await partsOf(bytes, options.partSize)) await upload.part(part, calm);
  await rename(room.path, `${room.path}-away`);
  await using other = await openRoom({ path: room.path });
  const refusal = { code: 'unavailable', message: expect.stringMatching(/is another directory than/) as string };
  await expect(put(room.provider, 'x', 'x')).rejects.toMatchObject(refusal);
  await expect(put(room.provider, 'x', 'x', { precondition: { absent: true } })).rejects.toMatchObject(refusal);
  await expect(finish(upload, bytes)).rejects.toMatchObject(refusal);
  await expect(room.provider.startUpload('another', options, calm)).rejects.toMatchObject(refusal);
  expect((await list(other.provider)).keys).toEqual([]);
  expect(await readdir(join(room.path, '.holdfast/tmp'))).toEqual([]);
  await rm(room.path, { recursive: true });
  await rename(`${room.path}-away`, room.path);
  await put(room.provider, 'x', 'x');
  expect((await list(room.provider)).keys).toEqual(['x']);
});

test('what stands at the same path on the disk under a mount point is no object, and one on a disk mounted below is', async () => {
  await using room = await openRoom();
  await put(room.provider, 'x', 'x');
  const before = await room.provider.head('x', calm);
  await mkdir(`${room.path}-below`);
  await writeFile(join(`${room.path}-below`, 'x'), 'x');
  // Tests may mount nothing: what is found tells another device than the root was on.
  using _lstat = elsewhere(Disk.prototype, 'lstat');
  using _stat = elsewhere(OpenFile.prototype, 'stat');
  expect(await room.provider.head('x', calm)).toEqual(before);
  expect(await readText(room.provider, 'x')).toBe('x');
  await rename(room.path, `${room.path}-away`);
  await rename(`${room.path}-below`, room.path);
  await expect(room.provider.head('x', calm)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(room.provider.read('x', {}, calm)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(room.provider.delete('x', {}, calm)).rejects.toMatchObject({ code: 'unavailable' });
  await rm(`${room.path}-away`, { recursive: true });
});

test('a file that was opened on the disk under a mount point is not read', async () => {
  await using room = await openRoom();
  await put(room.provider, 'x', 'x');
  await room.provider.head('x', calm);
  using _stat = elsewhere(OpenFile.prototype, 'stat', async () => await rename(room.path, `${room.path}-away`));
  await expect(room.provider.read('x', {}, calm)).rejects.toMatchObject({ code: 'unavailable' });
  await rename(`${room.path}-away`, room.path);
});

test('a root that was replaced since it was opened is made no target', async () => {
  const path = await newDirectory();
  const provider = openFilesystem({ name: 'disk', path });
  await provider.connect('source', calm);
  await rename(path, `${path}-away`);
  await expect(provider.connect('target', calm)).rejects.toMatchObject({ code: 'unavailable' });
  await mkdir(path);
  await expect(provider.connect('target', calm)).rejects.toMatchObject({ code: 'unavailable' });
  expect(await readdir(path)).toEqual([]);
  await rm(path, { recursive: true });
  await rename(`${path}-away`, path);
  await provider.connect('target', calm);
  await rm(path, { recursive: true });
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
  await expect(listing).rejects.toMatchObject({ name: 'ProviderError', code: 'unavailable' });
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

test('a directory that could not be made ready binds nothing: the disk that is mounted there later is taken', async () => {
  const directory = await newDirectory();
  const path = join(directory, 'copies');
  await mkdir(path);
  await writeFile(join(path, '.holdfast'), 'in the way, as a mount point that nobody may write to');
  const provider = openFilesystem({ name: 'disk', path }, {});
  await expect(provider.connect('target', calm)).rejects.toThrow('.holdfast');
  await rename(path, `${path}-below`);
  await mkdir(path);
  await provider.connect('target', calm);
  await put(provider, 'a', 'x');
  expect(await readText(provider, 'a')).toBe('x');
  await provider.close();
  await rm(directory, { recursive: true });
});
