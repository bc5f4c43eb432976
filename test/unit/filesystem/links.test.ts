import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareKeys } from '../../../src/objects/key.ts';
import { calm, list, newDirectory, openRoom, readText } from './room.ts';

async function treeWithLinks(): Promise<string> {
  const path = await newDirectory();
  await mkdir(join(path, 'dir/deep'), { recursive: true });
  await writeFile(join(path, 'dir/deep/file'), 'content');
  await writeFile(join(path, 'file'), 'plain');
  await symlink('dir/deep/file', join(path, 'to-file'));
  await symlink('dir', join(path, 'to-dir'));
  await symlink('nowhere', join(path, 'dangling'));
  await symlink('self', join(path, 'self'));
  await symlink('..', join(path, 'dir/up'));
  await symlink('../deep', join(path, 'dir/deep/again'));
  await symlink('.holdfast', join(path, 'own'));
  return path;
}

test('links are skipped and reported by default', async () => {
  await using room = await openRoom({ path: await treeWithLinks() });
  const { keys, ignored } = await list(room.provider);
  expect(keys).toEqual(['dir/deep/file', 'file']);
  expect(Object.keys(ignored).toSorted(compareKeys)).toEqual([
    'dangling',
    'dir/deep/again',
    'dir/up',
    'own',
    'self',
    'to-dir',
    'to-file',
  ]);
  expect(ignored['to-dir']).toContain('symbolic link');
  for (const key of ['to-file', 'to-dir/deep/file', 'dangling', 'self']) {
    await expect(room.provider.head(key, calm)).rejects.toMatchObject({ code: 'not-found' });
    await expect(room.provider.read(key, {}, calm)).rejects.toMatchObject({ code: 'not-found' });
  }
});

test('a prefix that runs through a skipped link is reported, not taken for empty', async () => {
  await using room = await openRoom({ path: await treeWithLinks() });
  const { keys, ignored } = await list(room.provider, { prefix: 'to-dir/deep/' });
  expect(keys).toEqual([]);
  expect(Object.keys(ignored)).toEqual(['to-dir/deep/']);
});

test('followed links are objects, and directories to walk, but never in circles', async () => {
  await using room = await openRoom({ path: await treeWithLinks(), symlinks: 'follow' });
  const { keys, entries, ignored } = await list(room.provider);
  expect(keys).toEqual(['dir/deep/file', 'file', 'to-dir/deep/file', 'to-file']);
  expect(entries.find((entry) => entry.key === 'to-file')?.size).toBe('content'.length);
  expect(await readText(room.provider, 'to-dir/deep/file')).toBe('content');
  expect(await readText(room.provider, 'to-file')).toBe('content');
  expect(ignored['dangling']).toContain('nothing');
  expect(ignored['self']).toContain('itself');
  for (const key of ['dir/up', 'dir/deep/again', 'own', 'to-dir/up']) expect(ignored[key]).toContain('above');
  expect((await list(room.provider, { prefix: 'to-dir/' })).keys).toEqual(['to-dir/deep/file']);
  expect((await list(room.provider, { prefix: 'to-dir/deep/f' })).keys).toEqual(['to-dir/deep/file']);
});

test('pipes and sockets are reported and never opened', async () => {
  await using room = await openRoom();
  execFileSync('mkfifo', [join(room.path, 'pipe')]);
  const server = createServer().listen(join(room.path, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    const { keys, ignored } = await list(room.provider);
    expect(keys).toEqual([]);
    expect(ignored).toEqual({ pipe: 'it is a named pipe', socket: 'it is a socket' });
    for (const key of ['pipe', 'socket']) {
      await expect(room.provider.read(key, {}, calm)).rejects.toMatchObject({ code: 'not-found' });
    }
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test('the root itself may be a link', async () => {
  await using room = await openRoom();
  await writeFile(join(room.path, 'x'), 'x');
  const link = `${room.path}-link`;
  await symlink(room.path, link);
  await using linked = await openRoom({ path: link });
  expect((await list(linked.provider)).keys).toEqual(['x']);
  expect(await readText(linked.provider, 'x')).toBe('x');
});
