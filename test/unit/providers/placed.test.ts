import { expect, test } from 'vitest';
import { noAttributes } from '../../../src/objects/object.ts';
import { MemoryProvider } from '../../../src/providers/memory/memory.ts';
import { ordered } from '../../../src/providers/ordered.ts';
import { placed } from '../../../src/providers/placed.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import { calm } from '../../contract/provider/room.ts';

const options = { size: 10, partSize: 10, attributes: noAttributes };

/** What a provider does with a checkpoint that it cannot read. */
function strict(memory: MemoryProvider): Provider {
  const refuse = (): never => {
    throw memory.error('invalid', 'This is no checkpoint.');
  };
  const known = (checkpoint: string) => memory.bucket.uploads.has(checkpoint);
  return {
    ...ordered(memory),
    resumeUpload: async (key, upload, checkpoint, signal) =>
      known(checkpoint) ? await memory.resumeUpload(key, upload, checkpoint, signal) : refuse(),
    abortUpload: async (key, checkpoint, signal) =>
      known(checkpoint) ? await memory.abortUpload(key, checkpoint, signal) : refuse(),
    listUploads: async (key, checkpoints, signal) =>
      checkpoints.every(known) ? await memory.listUploads(key, checkpoints, signal) : refuse(),
  };
}

test('what was begun elsewhere is nothing to take up, done with when thrown away, and spoils no listing', async () => {
  const memory = new MemoryProvider();
  const here = placed(strict(memory), 's3 here');
  const there = placed(strict(memory), 's3 there');
  const { checkpoint } = await here.startUpload('k', options, calm);
  for (const other of [checkpoint, '{"path":"/session"}', '']) {
    expect(await there.resumeUpload('k', options, other, calm)).toBeUndefined();
    await there.abortUpload('k', other, calm);
    expect(await there.listUploads('k', [other], calm)).toHaveLength(1);
  }
  expect(await here.listUploads('k', ['', '{"path":"/session"}'], calm)).toMatchObject([{ checkpoint }]);
  expect(await here.listUploads('k', [checkpoint], calm)).toEqual([]);
  expect((await here.resumeUpload('k', options, checkpoint, calm))?.checkpoint).toBe(checkpoint);
  await here.abortUpload('k', checkpoint, calm);
  expect(memory.bucket.uploads.size).toBe(0);
});
