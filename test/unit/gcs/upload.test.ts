import { describe, expect, test } from 'vitest';
import { bytesOf } from '../../support/bytes.ts';
import type { Room } from '../../support/fake-gcs/room.ts';
import {
  calm,
  describedBytes,
  failure,
  keysIn,
  openRoom,
  partSize,
  partsOf,
  readAll,
  shapeOf,
} from '../../support/fake-gcs/room.ts';
import type { StoredCopy, Upload } from '../../../src/providers/provider.ts';

const bytes = bytesOf(3 * partSize + 1_000, 'gcs upload');

async function sendAll(upload: Upload, content: Buffer): Promise<void> {
  for (const part of partsOf(content)) await upload.part(part, calm);
}

async function complete(upload: Upload, content: Buffer): Promise<StoredCopy> {
  const { digest, record } = await describedBytes(content);
  return upload.complete(digest, record, calm);
}

async function openProbed(): Promise<Room> {
  const room = await openRoom();
  await room.provider.connect('target', calm);
  return room;
}

describe('a resumable upload', () => {
  test.each([0, 1, partSize, 2 * partSize, 2 * partSize + 1])('of %i bytes comes back whole', async (size) => {
    await using room = await openProbed();
    const content = bytes.subarray(0, size);
    const upload = await room.provider.startUpload('k', shapeOf(content), calm);
    await sendAll(upload, content);
    expect(room.bucket.has('k'), 'the last chunk is kept back').toBe(false);
    expect(await complete(upload, content)).toMatchObject({ size, attested: 'crc32c' });
    expect((await readAll(room.provider, 'k')).equals(content)).toBe(true);
    expect((await room.provider.head('k', calm)).record?.size).toBe(size);
  });

  test('of no bytes whose only part is empty comes back whole', async () => {
    await using room = await openProbed();
    const empty = Buffer.alloc(0);
    const upload = await room.provider.startUpload('k', shapeOf(empty), calm);
    await upload.part({ number: 1, offset: 0, bytes: empty, checksums: {} }, calm);
    expect(await complete(upload, empty)).toMatchObject({ size: 0, attested: 'crc32c' });
  });

  test('sends every byte once, also when a part is repeated', async () => {
    await using room = await openProbed();
    const before = room.fake.requests('upload.chunk');
    const upload = await room.provider.startUpload('k', shapeOf(bytes), calm);
    await sendAll(upload, bytes);
    const [first] = partsOf(bytes);
    if (first !== undefined) await upload.part(first, calm);
    await complete(upload, bytes);
    expect(room.fake.requests('upload.chunk') - before).toBe(4);
  });

  test.each(['lose-response', 'drop-connection', 'error-503'] as const)(
    'whose chunk meets %s goes on from what the server has',
    async (fault) => {
      await using room = await openProbed();
      const upload = await room.provider.startUpload('k', shapeOf(bytes), calm);
      const [first, second, third, last] = partsOf(bytes);
      if (!first || !second || !third || !last) throw new Error('four parts');
      await upload.part(first, calm);
      room.fake.faults.add({ match: { operation: 'upload.chunk', nth: 1 }, fault });
      await failure(upload.part(second, calm), 'unavailable');
      const sent = room.fake.requests('upload.chunk');
      const asked = room.fake.requests('upload.query');
      await upload.part(second, calm);
      expect(room.fake.requests('upload.query') - asked).toBe(1);
      expect(room.fake.requests('upload.chunk') - sent, 'nothing is sent twice').toBe(
        fault === 'lose-response' ? 0 : 1,
      );
      await upload.part(third, calm);
      await upload.part(last, calm);
      await complete(upload, bytes);
      expect((await readAll(room.provider, 'k')).equals(bytes)).toBe(true);
    },
  );

  test('whose chunk is kept in part sends the rest of it', async () => {
    await using room = await openProbed();
    const content = bytesOf(4 * partSize + 1_000, 'kept in part');
    const upload = await room.provider.startUpload('k', { ...shapeOf(content), partSize: 2 * partSize }, calm);
    const cut = 2 * partSize;
    room.fake.faults.add({ match: { operation: 'upload.chunk', nth: 1 }, fault: 'keep-half' });
    await upload.part({ number: 1, offset: 0, bytes: content.subarray(0, cut), checksums: {} }, calm);
    await upload.part({ number: 2, offset: cut, bytes: content.subarray(cut), checksums: {} }, calm);
    room.fake.faults.add({ match: { operation: 'upload.chunk', nth: 1 }, fault: 'keep-half' });
    expect((await complete(upload, content)).attested).toBe('crc32c');
    expect(room.bucket.get('k')?.bytes.equals(content)).toBe(true);
  });

  test('whose server takes nothing is unavailable, not endless', async () => {
    await using room = await openProbed();
    const upload = await room.provider.startUpload('k', shapeOf(bytes), calm);
    room.fake.faults.add({ match: { operation: 'upload.chunk' }, fault: 'keep-half' });
    await failure(sendAll(upload, bytes), 'unavailable');
  });

  test('whose last answer is lost is complete when asked again, without sending again', async () => {
    await using room = await openProbed();
    const upload = await room.provider.startUpload('k', shapeOf(bytes), calm);
    await sendAll(upload, bytes);
    room.fake.faults.add({ match: { operation: 'upload.chunk', nth: 1 }, fault: 'lose-response' });
    await failure(complete(upload, bytes), 'unavailable');
    const sent = room.fake.requests('upload.chunk');
    const stored = await complete(upload, bytes);
    expect(stored).toEqual({ version: room.bucket.get('k')?.generation, size: bytes.length, attested: 'crc32c' });
    expect(room.fake.requests('upload.chunk')).toBe(sent);
  });

  test('with a flipped bit in a chunk never becomes visible', async () => {
    await using room = await openProbed();
    const content = bytes.subarray(0, 2 * partSize);
    const upload = await room.provider.startUpload('k', shapeOf(content), calm);
    room.fake.faults.add({ match: { operation: 'upload.chunk', nth: 1 }, fault: 'flip-bit' });
    await sendAll(upload, content);
    const deleted = room.fake.requests('object.delete');
    await failure(complete(upload, content), 'checksum-mismatch');
    expect(room.bucket.has('k')).toBe(false);
    expect(room.fake.requests('object.delete'), 'the server refused it by itself').toBe(deleted);
    await upload.abort(calm);
    expect(await keysIn(room.provider, '.holdfast/descriptions/')).toEqual([]);
  });

  test('to a server that does not compare is judged by its answer, and deleted when wrong', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ fault: 'ignore-checksums' });
    await room.provider.connect('target', calm);
    room.fake.faults.add({ match: { operation: 'upload.chunk', nth: 1 }, fault: 'flip-bit' });
    const upload = await room.provider.startUpload('k', shapeOf(bytes), calm);
    await sendAll(upload, bytes);
    await failure(complete(upload, bytes), 'checksum-mismatch');
    expect(room.bucket.has('k')).toBe(false);
  });

  test('to a server that repeats what it is told is not attested', async () => {
    await using room = await openRoom();
    room.fake.faults.add({ fault: 'lie-about-checksums' });
    await room.provider.connect('target', calm);
    const upload = await room.provider.startUpload('k', shapeOf(bytes), calm);
    await sendAll(upload, bytes);
    expect((await complete(upload, bytes)).attested).toBeUndefined();
  });

  test('that was aborted leaves no session, no object and no description', async () => {
    await using room = await openProbed();
    const upload = await room.provider.startUpload('k', shapeOf(bytes), calm);
    await sendAll(upload, bytes);
    expect(room.fake.sessions.size).toBe(1);
    room.fake.faults.add({ match: { operation: 'upload.chunk', nth: 1 }, fault: 'error-503' });
    await failure(complete(upload, bytes), 'unavailable');
    await upload.abort(calm);
    await upload.abort(calm);
    expect(room.fake.sessions.size).toBe(0);
    expect(await keysIn(room.provider, '.holdfast/descriptions/')).toEqual([]);
    expect(room.bucket.has('k')).toBe(false);
  });

  test('that was aborted after it had made its object, unheard, leaves the object what it says of itself', async () => {
    await using room = await openProbed();
    const upload = await room.provider.startUpload('k', shapeOf(bytes), calm);
    await sendAll(upload, bytes);
    room.fake.faults.add({ match: { operation: 'upload.chunk', nth: 1 }, fault: 'lose-response' });
    await failure(complete(upload, bytes), 'unavailable');
    await upload.abort(calm);
    expect((await room.provider.head('k', calm)).record?.size).toBe(bytes.length);
  });

  test('that the server forgot has to begin anew', async () => {
    await using room = await openProbed();
    const upload = await room.provider.startUpload('k', shapeOf(bytes), calm);
    room.fake.sessions.clear();
    const error = await failure(sendAll(upload, bytes), 'conflict');
    expect(error.message).not.toContain('upload_id');
  });

  test('completed before its last part is refused', async () => {
    await using room = await openProbed();
    const upload = await room.provider.startUpload('k', shapeOf(bytes), calm);
    await failure(complete(upload, bytes), 'invalid');
  });

  test('goes to the endpoint that was configured, whatever host the session names', async () => {
    await using room = await openProbed();
    const upload = await room.provider.startUpload('k', shapeOf(bytes), calm);
    await sendAll(upload, bytes);
    await complete(upload, bytes);
    expect(room.fake.requests('upload.chunk')).toBeGreaterThan(0);
  });
});
