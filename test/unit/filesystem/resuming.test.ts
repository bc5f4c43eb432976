import { expect, test, vi } from 'vitest';
import { copyFile, open, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { noAttributes } from '../../../src/objects/object.ts';
import { finish, partsOf } from '../../contract/provider/parts.ts';
import { expectError } from '../../contract/provider/room.ts';
import { calm, openRoom } from './room.ts';

const options = { size: 10, partSize: 4, attributes: noAttributes };

test('a checkpoint leads nowhere but to a temporary file', async () => {
  await using room = await openRoom();
  await writeFile(join(room.path, 'precious'), 'bytes');
  for (const checkpoint of ['../../precious', '', '.', 'precious', '/etc/passwd']) {
    await expectError(room.provider.abortUpload(null, checkpoint, calm), 'invalid');
    await expectError(room.provider.resumeUpload('k', options, checkpoint, calm), 'invalid');
  }
  expect(await readdir(room.path)).toContain('precious');
});

test('a file that is longer than the object is not taken up', async () => {
  await using room = await openRoom({}, { clone: copyFile });
  const upload = await room.provider.startUpload('k', options, calm);
  await upload.leave();
  await writeFile(join(room.path, '.holdfast/tmp', upload.checkpoint), 'x'.repeat(11));
  expect(await room.provider.resumeUpload('k', options, upload.checkpoint, calm)).toBeUndefined();
  expect(await readdir(join(room.path, '.holdfast/tmp'))).toEqual([upload.checkpoint]);
});

test('a process that slept while another one went on does not write into what became visible', async () => {
  await using room = await openRoom({}, { clone: copyFile });
  const bytes = Buffer.from('0123456789');
  const absent = { ...options, precondition: { absent: true } } as const;
  const sleeper = await room.provider.startUpload('k', absent, calm);
  const [first, ...others] = await partsOf(bytes, options.partSize);
  if (first === undefined) throw new Error('There is no part.');
  await sleeper.part(first, calm);
  const next = await room.provider.resumeUpload('k', absent, sleeper.checkpoint, calm);
  if (next === undefined) throw new Error('There is nothing to take up.');
  expect(next.checkpoint).not.toBe(sleeper.checkpoint);
  expect(await next.keep(first, calm)).toBe(true);
  for (const part of others) await next.part(part, calm);
  const { version } = await finish(next, bytes);
  const wrong = await partsOf(Buffer.alloc(bytes.length, 'W'), options.partSize);
  for (const part of wrong) await sleeper.part(part, calm);
  await expectError(finish(sleeper, bytes), 'conflict');
  expect(String(await readFile(join(room.path, 'k')))).toBe(String(bytes));
  expect((await room.provider.head('k', calm)).version).toBe(version);
});

test('bytes that the disk once failed to take never become visible, however often the upload is completed', async () => {
  await using room = await openRoom();
  const bytes = Buffer.from('0123456789');
  const upload = await room.provider.startUpload('k', options, calm);
  for (const part of await partsOf(bytes, options.partSize)) await upload.part(part, calm);
  await using handle = await open(join(room.path, '.holdfast/tmp', upload.checkpoint));
  const files = Object.getPrototypeOf(handle) as typeof handle;
  // As Linux does: the failure is told once, and what was not written counts as clean after it.
  const failure = Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' });
  const failing = vi.spyOn(files, 'sync').mockRejectedValueOnce(failure);
  try {
    await expectError(finish(upload, bytes), 'unavailable');
  } finally {
    failing.mockRestore();
  }
  await expectError(finish(upload, bytes), 'unavailable');
  expect(await readdir(join(room.path, '.holdfast/tmp'))).toEqual([upload.checkpoint]);
  await upload.leave();
  await expectError(room.provider.head('k', calm), 'not-found');
});

test('where the disk cannot clone there is nothing to take up, and what was left stays', async () => {
  const clone = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTSUP' }));
  await using room = await openRoom({}, { clone });
  const upload = await room.provider.startUpload('k', options, calm);
  await upload.leave();
  expect(await room.provider.resumeUpload('k', options, upload.checkpoint, calm)).toBeUndefined();
  expect(await readdir(join(room.path, '.holdfast/tmp'))).toEqual([upload.checkpoint]);
});

test('a file about to be put in place is young, however old its object is', async () => {
  await using room = await openRoom();
  const upload = await room.provider.startUpload('k', options, calm);
  await utimes(join(room.path, '.holdfast/tmp', upload.checkpoint), 1, 1);
  const [found] = await room.provider.listUploads(null, [], calm);
  expect(Date.now() - (found?.startedAt ?? 0)).toBeLessThan(3_600_000);
  await upload.abort(calm);
});
