import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Key } from '../../../src/objects/key.ts';
import { compareKeys, keyFromBytes } from '../../../src/objects/key.ts';
import { encodedPath } from '../../../src/providers/filesystem/layout.ts';
import { rawFromKey } from '../../../src/providers/filesystem/raw.ts';
import { exactNameOnDisk } from '../../../src/providers/filesystem/disk.ts';
import { bytesOf } from '../../support/bytes.ts';
import { calm, list, openRoom, put, readText } from './room.ts';

function encoded(root: string, key: Key): string {
  return join(root, encodedPath(rawFromKey(key)));
}

test('a key that is a usable path is a plain file there, with the time of its source', async () => {
  await using room = await openRoom();
  for (const modifiedAt of [1_700_000_000_001, 1_699_999_999_999, 1_234_567_890_123, 0]) {
    await put(room.provider, 'a/b c/\u00e9.txt', 'bytes', { modifiedAt });
    expect(readFileSync(join(room.path, 'a/b c/\u00e9.txt'), 'utf8')).toBe('bytes');
    expect(Math.floor(statSync(join(room.path, 'a/b c/\u00e9.txt')).mtimeMs)).toBe(modifiedAt);
    expect((await room.provider.head('a/b c/\u00e9.txt', calm)).modifiedAt).toBe(modifiedAt);
  }
});

test('a name that is not UTF-8 keeps its bytes', async () => {
  await using room = await openRoom();
  const name = Buffer.from([0x61, 0xff, 0xc3, 0xa9]);
  await put(room.provider, keyFromBytes(name), 'x');
  expect(readdirSync(room.path, { encoding: 'buffer' }).some((found) => found.equals(name))).toBe(true);
  expect((await list(room.provider)).keys).toEqual([keyFromBytes(name)]);
});

test('a key beside a directory of its name, or below a file, lies encoded', async () => {
  await using room = await openRoom();
  expect(await put(room.provider, 'a/b', 'below')).not.toHaveProperty('name');
  expect(await put(room.provider, 'a', 'beside')).toMatchObject({ name: '.holdfast/keys/61' });
  expect(await put(room.provider, 'a/b/c/d', 'deeper')).toHaveProperty('name');
  expect(readFileSync(encoded(room.path, 'a'), 'utf8')).toBe('beside');
  expect(readFileSync(encoded(room.path, 'a/b/c/d'), 'utf8')).toBe('deeper');
  expect((await list(room.provider)).keys).toEqual(['a', 'a/b', 'a/b/c/d']);
});

test('an encoded object stays where it is until it is deleted', async () => {
  await using room = await openRoom();
  await put(room.provider, 'a/b', 'below');
  await put(room.provider, 'a', 'one');
  await room.provider.delete('a/b', {}, calm);
  expect(existsSync(join(room.path, 'a'))).toBe(false);
  const { version } = await room.provider.head('a', calm);
  await put(room.provider, 'a', 'two', { precondition: { version } });
  expect(readFileSync(encoded(room.path, 'a'), 'utf8')).toBe('two');
  await room.provider.delete('a', {}, calm);
  await put(room.provider, 'a', 'three');
  expect(readFileSync(join(room.path, 'a'), 'utf8')).toBe('three');
  expect((await list(room.provider)).keys).toEqual(['a']);
});

test('a plain file that somebody put before an encoded one counts; a write removes what it hides', async () => {
  await using room = await openRoom();
  await put(room.provider, 'a/b', 'below');
  await put(room.provider, 'a', 'encoded');
  await rm(join(room.path, 'a'), { recursive: true });
  await writeFile(join(room.path, 'a'), 'plain');
  expect((await list(room.provider)).entries).toMatchObject([{ key: 'a', size: 5 }]);
  expect(await readText(room.provider, 'a')).toBe('plain');
  await put(room.provider, 'a', 'newer');
  expect(existsSync(encoded(room.path, 'a'))).toBe(false);
  expect(await readText(room.provider, 'a')).toBe('newer');
});

test('a delete removes the hidden object too: it must not come back', async () => {
  await using room = await openRoom();
  await put(room.provider, 'a/b', 'below');
  await put(room.provider, 'a', 'encoded');
  await rm(join(room.path, 'a'), { recursive: true });
  await writeFile(join(room.path, 'a'), 'plain');
  await room.provider.delete('a', {}, calm);
  expect((await list(room.provider)).keys).toEqual([]);
  await expect(room.provider.head('a', calm)).rejects.toMatchObject({ code: 'not-found', key: 'a' });
});

test('the last file of a directory takes the empty directories with it, but not the root', async () => {
  await using room = await openRoom();
  for (const key of ['a/b/c/one', 'a/b/c/two', 'a//x']) await put(room.provider, key, 'x');
  await room.provider.delete('a/b/c/one', {}, calm);
  expect(existsSync(join(room.path, 'a/b/c'))).toBe(true);
  for (const key of ['a/b/c/two', 'a//x']) await room.provider.delete(key, {}, calm);
  expect(readdirSync(room.path)).toEqual(['.holdfast']);
  expect(readdirSync(join(room.path, '.holdfast/keys'))).toEqual([]);
  expect(readdirSync(join(room.path, '.holdfast/tmp'))).toEqual([]);
});

test('writers and deleters in one directory never trip over its coming and going', async () => {
  await using room = await openRoom();
  const worker = async (key: Key): Promise<void> => {
    for (let round = 0; round < 25; round += 1) {
      await put(room.provider, key, key, { precondition: { absent: true } });
      await room.provider.delete(key, {}, calm);
    }
  };
  await Promise.all(['d/e/f/1', 'd/e/f/2', 'd/e/3', 'd/e', 'd/4'].map(worker));
  expect(readdirSync(room.path)).toEqual(['.holdfast']);
});

test.each(['absent', 'any'])('writers of colliding keys at once all get a place (%s)', async (kind) => {
  await using room = await openRoom();
  const keys = ['p', 'p/q', 'p/q/r', 'p/q/r/s', 'p/t', 'p//'];
  const choice = kind === 'absent' ? { precondition: { absent: true } as const } : {};
  await Promise.all(keys.map((key) => put(room.provider, key, `<${key}>`, choice)));
  for (const key of keys) expect(await readText(room.provider, key)).toBe(`<${key}>`);
  expect((await list(room.provider)).keys).toEqual(keys.toSorted(compareKeys));
});

test.each(['plain', 'encoded'])('of writers that replace the same version one wins (%s)', async (kind) => {
  await using room = await openRoom();
  const key = kind === 'plain' ? 'k' : 'k/';
  const { version } = await put(room.provider, key, 'first');
  const racing = Array.from({ length: 8 }, (_, n) =>
    put(room.provider, key, `racer ${n}`, { precondition: { version } }),
  );
  const ends = await Promise.allSettled(racing);
  expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(1);
  expect(await readText(room.provider, key)).toBe(`racer ${ends.findIndex((end) => end.status === 'fulfilled')}`);
});

test('a link is never written through or over', async () => {
  await using room = await openRoom();
  await using other = await openRoom();
  await symlink(other.path, join(room.path, 'link'));
  await symlink(join(other.path, 'target'), join(room.path, 'dangling'));
  await writeFile(join(other.path, 'there'), 'kept');
  for (const key of ['link', 'link/x', 'link/there', 'link/deep/er', 'dangling']) {
    await expect(put(room.provider, key, 'x')).rejects.toMatchObject({ code: 'unsupported', key });
  }
  await room.provider.delete('link/there', {}, calm);
  expect(readdirSync(other.path)).toEqual(['.holdfast', 'there']);
  expect(readdirSync(join(room.path, '.holdfast/tmp'))).toEqual([]);
});

test('where names fold, a file of another name is not taken for the object', async () => {
  // A filesystem that finds `Photo` when asked for `photo`: the lookup succeeds, the name on the disk differs.
  const exactName = async (path: string): Promise<string> => (await exactNameOnDisk(path)).replace(/photo/g, 'Photo');
  await using room = await openRoom({}, { exactName });
  await writeFile(join(room.path, 'photo'), 'of another name');
  await expect(room.provider.head('photo', calm)).rejects.toMatchObject({ code: 'not-found' });
  await put(room.provider, 'photo', 'mine', { precondition: { absent: true } });
  expect(readFileSync(join(room.path, 'photo'), 'utf8')).toBe('of another name');
  expect(await readText(room.provider, 'photo')).toBe('mine');
  await room.provider.delete('photo', {}, calm);
  expect(readFileSync(join(room.path, 'photo'), 'utf8')).toBe('of another name');
});

test('where names fold, nothing is put into a directory of another name', async () => {
  const exactName = async (path: string): Promise<string> => (await exactNameOnDisk(path)).replace(/dir/g, 'Dir');
  await using room = await openRoom({}, { exactName });
  await mkdir(join(room.path, 'dir'));
  await put(room.provider, 'dir/x', 'mine');
  expect(readdirSync(join(room.path, 'dir'))).toEqual([]);
  expect(await readText(room.provider, 'dir/x')).toBe('mine');
});

test('strings that stand for no bytes, and the empty key, are refused', async () => {
  await using room = await openRoom();
  for (const key of ['', '\ud800', 'a\udfff', '\udcc3\udca9']) {
    await expect(put(room.provider, key, 'x')).rejects.toMatchObject({ name: 'ProviderError', key });
    await expect(room.provider.head(key, calm)).rejects.toMatchObject({ name: 'ProviderError', key });
  }
  expect((await list(room.provider)).keys).toEqual([]);
});

test('a key too long for any path is refused by name', async () => {
  await using room = await openRoom();
  const key = `${'n'.repeat(300)}/`.repeat(20);
  await expect(put(room.provider, key, 'x')).rejects.toMatchObject({ code: 'unsupported', key });
  await expect(room.provider.head(key, calm)).rejects.toMatchObject({ code: 'not-found' });
  const long = `${'n'.repeat(250)}/`.repeat(15) + 'end';
  await put(room.provider, long, bytesOf(10));
  expect((await room.provider.head(long, calm)).record).toMatchObject({ size: 10 });
});
