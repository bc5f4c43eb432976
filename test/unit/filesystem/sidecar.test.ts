import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sidecarPath } from '../../../src/providers/filesystem/layout.ts';
import { calm, newDirectory, openRoom, put, recordOf } from './room.ts';

const attributes = { contentType: 'text/plain', metadata: { owner: 'ada', ['__proto__']: 'kept' } };

test('a foreign file has no attributes and no record', async () => {
  await using room = await openRoom();
  await writeFile(join(room.path, 'x.html'), '<p>');
  const head = await room.provider.head('x.html', calm);
  expect(head.attributes).toEqual({ metadata: {} });
  expect(head).not.toHaveProperty('record');
});

test('the sidecar tells whose it is', async () => {
  await using room = await openRoom();
  await put(room.provider, 'dir/\u00e9', 'bytes', { attributes });
  const content: unknown = JSON.parse(readFileSync(join(room.path, sidecarPath('dir/\xc3\xa9')), 'utf8'));
  expect(content).toMatchObject({ key: 'dir/\u00e9', keyHex: '6469722fc3a9', size: 5 });
});

test('a tree copied to another place keeps its records', async () => {
  await using room = await openRoom();
  for (const key of ['a', 'a/b', 'c/d//e']) await put(room.provider, key, key, { attributes });
  const path = await newDirectory();
  execFileSync('cp', ['-a', `${room.path}/.`, path]);
  await using copy = await openRoom({ path });
  for (const key of ['a', 'a/b', 'c/d//e']) {
    const head = await copy.provider.head(key, calm);
    expect(head.record).toEqual(await recordOf(Buffer.from(key)));
    expect(head.attributes).toEqual(attributes);
  }
});

test('a file that somebody changed loses its record', async () => {
  await using room = await openRoom();
  const change: Record<string, (path: string) => Promise<unknown>> = {
    longer: (path) => writeFile(path, 'longer than it was'),
    'as long': (path) => writeFile(path, 'BYTES'),
    touched: (path) => utimes(path, 1, 1),
    replaced: async (path) => {
      await writeFile(`${path}.new`, 'BYTES');
      await rename(`${path}.new`, path);
    },
  };
  for (const [key, apply] of Object.entries(change)) {
    await put(room.provider, key, 'bytes', { attributes });
    await apply(join(room.path, key));
    const head = await room.provider.head(key, calm);
    expect([key, head.record, head.attributes]).toEqual([key, undefined, { metadata: {} }]);
  }
});

test.each(['', '{', '[]', 'null', '{"keyHex":"78"}', '\0\0\0\0'])('a damaged sidecar (%j) is none', async (text) => {
  await using room = await openRoom();
  await put(room.provider, 'x', 'bytes', { attributes });
  writeFileSync(join(room.path, sidecarPath('x')), text);
  expect((await room.provider.head('x', calm)).record).toBeUndefined();
  await put(room.provider, 'x', 'other');
  expect((await room.provider.head('x', calm)).record).toEqual(await recordOf(Buffer.from('other')));
});

test('a sidecar of another key, or with a record that is not whole, is none', async () => {
  await using room = await openRoom();
  await put(room.provider, 'x', 'bytes', { attributes });
  const path = join(room.path, sidecarPath('x'));
  const content = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Record<string, unknown>>;
  const wrong: readonly Record<string, unknown>[] = [
    { keyHex: '79' },
    { record: { ...content['record'], sha256: 'short' } },
    { record: { ...content['record'], size: -1 } },
    { record: { ...content['record'], checksums: { md5: 1 } } },
    { attributes: { metadata: [] } },
    { attributes: { contentType: 7, metadata: {} } },
  ];
  for (const change of wrong) {
    writeFileSync(path, JSON.stringify({ ...content, ...change }));
    expect([change, (await room.provider.head('x', calm)).record]).toEqual([change, undefined]);
  }
});
