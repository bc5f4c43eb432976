import { expect, test } from 'vitest';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { noAttributes } from '../../../src/objects/object.ts';
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
  await using room = await openRoom();
  const upload = await room.provider.startUpload('k', options, calm);
  await upload.leave();
  await writeFile(join(room.path, '.holdfast/tmp', upload.checkpoint), 'x'.repeat(11));
  expect(await room.provider.resumeUpload('k', options, upload.checkpoint, calm)).toBeUndefined();
});

test('a file about to be put in place is young, however old its object is', async () => {
  await using room = await openRoom();
  const upload = await room.provider.startUpload('k', options, calm);
  await utimes(join(room.path, '.holdfast/tmp', upload.checkpoint), 1, 1);
  const [found] = await room.provider.listUploads(null, [], calm);
  expect(Date.now() - (found?.startedAt ?? 0)).toBeLessThan(3_600_000);
  await upload.abort(calm);
});
