import { describe, expect, test } from 'vitest';
import { bytesOf } from '../../support/bytes.ts';
import { digestOf } from '../../support/digest.ts';
import type { ProviderFixture } from './fixture.ts';
import { finish, partsOf, smallestPart, start, uploadWhole } from './parts.ts';
import { calm, collect, expectAbsent, expectError, keysIn, put, readAll, recordFor, roomFor } from './room.ts';

export function uploadCases(fixture: ProviderFixture): void {
  describe('upload', () => {
    const room = roomFor(fixture);

    test.each([
      ['three parts', 2, 7],
      ['two full parts', 2, 0],
      ['one full part', 1, 0],
      ['one byte more than a part', 1, 1],
      ['less than a part', 0, 1_000],
    ])('%s come back whole', async (title, parts, rest) => {
      const { provider, capabilities, expected } = room();
      const partSize = smallestPart(capabilities);
      const bytes = bytesOf(parts * partSize + rest, title);
      const stored = await uploadWhole(provider, `whole/${title}`, bytes, partSize);
      expect(stored.size).toBe(bytes.length);
      expect(stored.attested).toBe(expected.attests.upload);
      expect((await readAll(provider, `whole/${title}`)).equals(bytes)).toBe(true);
      const head = await provider.head(`whole/${title}`, calm);
      expect(head).toMatchObject({ size: bytes.length, version: stored.version });
      expect(head.record).toEqual(await recordFor(bytes));
      expect(await digestOf(bytes)).toMatchObject(head.checksums ?? {});
      const [listed] = await collect(provider, { prefix: `whole/${title}` });
      expect(listed).toMatchObject({ size: bytes.length, version: stored.version });
    });

    test('parts sent side by side and out of order, or one by one where order is sequential', async () => {
      const { provider, capabilities } = room();
      const partSize = smallestPart(capabilities);
      const bytes = bytesOf(3 * partSize + 11, 'side by side');
      const upload = await start(provider, 'side', { size: bytes.length, partSize });
      const parts = await partsOf(bytes, partSize);
      if (capabilities.limits.part.order === 'any') {
        await Promise.all(parts.toReversed().map((part) => upload.part(part, calm)));
      } else {
        for (const part of parts) await upload.part(part, calm);
      }
      await finish(upload, bytes);
      expect((await readAll(provider, 'side')).equals(bytes)).toBe(true);
    });

    test('a part may be sent again', async () => {
      const { provider, capabilities } = room();
      const partSize = smallestPart(capabilities);
      const bytes = bytesOf(2 * partSize + 3, 'again');
      const upload = await start(provider, 'again', { size: bytes.length, partSize });
      for (const part of await partsOf(bytes, partSize)) {
        await upload.part(part, calm);
        await upload.part(part, calm);
      }
      const stored = await finish(upload, bytes);
      expect(stored.size).toBe(bytes.length);
      expect((await readAll(provider, 'again')).equals(bytes)).toBe(true);
    });

    test('the buffer of a part that settled may be used for other bytes, but for the last', async () => {
      const { provider, capabilities } = room();
      const partSize = smallestPart(capabilities);
      const bytes = bytesOf(2 * partSize + 5, 'reused');
      const upload = await start(provider, 'reused', { size: bytes.length, partSize });
      for (const part of await partsOf(bytes, partSize)) {
        await upload.part(part, calm);
        if (part.offset + partSize < bytes.length) part.bytes.fill(0);
      }
      await finish(upload, bytes);
      expect((await readAll(provider, 'reused')).equals(bytes)).toBe(true);
    });

    test('nothing is visible before it is complete, and nothing after it was aborted', async () => {
      const { provider, capabilities } = room();
      const partSize = smallestPart(capabilities);
      const bytes = bytesOf(partSize + 5, 'aborted');
      const upload = await start(provider, 'aborted', { size: bytes.length, partSize });
      await expectAbsent(provider, 'aborted');
      for (const part of await partsOf(bytes, partSize)) await upload.part(part, calm);
      await expectAbsent(provider, 'aborted');
      await upload.abort(calm);
      await expectAbsent(provider, 'aborted');
    });

    test('aborting at any point leaves the object that was there, and other uploads', async () => {
      const { provider, capabilities } = room();
      const partSize = smallestPart(capabilities);
      const shape = { size: partSize + 1, partSize };
      await put(provider, 'kept', 'before');
      await (await start(provider, 'kept', shape)).abort(calm);
      const upload = await start(provider, 'kept', shape);
      const [first] = await partsOf(bytesOf(shape.size), partSize);
      if (first !== undefined) await upload.part(first, calm);
      await upload.abort(calm);
      expect(String(await readAll(provider, 'kept'))).toBe('before');
      expect(await keysIn(provider, { prefix: 'kept' })).toEqual(['kept']);
    });

    test('replaces the object that was there, all at once', async () => {
      const { provider, capabilities } = room();
      const partSize = smallestPart(capabilities);
      const bytes = bytesOf(partSize + 5, 'replaced');
      const before = await put(provider, 'replaced', 'before');
      const upload = await start(provider, 'replaced', { size: bytes.length, partSize });
      for (const part of await partsOf(bytes, partSize)) await upload.part(part, calm);
      expect(String(await readAll(provider, 'replaced'))).toBe('before');
      const after = await finish(upload, bytes);
      expect(after.version).not.toBe(before.version);
      expect((await readAll(provider, 'replaced')).equals(bytes)).toBe(true);
    });

    test('two uploads of one key never mix', async () => {
      const { provider, capabilities } = room();
      const partSize = smallestPart(capabilities);
      const contents = ['one', 'two'].map((name) => bytesOf(partSize + 9, name));
      const [one = Buffer.of(), two = Buffer.of()] = contents;
      const shape = { size: partSize + 9, partSize };
      const uploads = [await start(provider, 'both', shape), await start(provider, 'both', shape)];
      const ends = await Promise.allSettled(
        uploads.map(async (upload, index) => {
          const bytes = index === 0 ? one : two;
          for (const part of await partsOf(bytes, partSize)) await upload.part(part, calm);
          return finish(upload, bytes);
        }),
      );
      expect(ends.some((end) => end.status === 'fulfilled')).toBe(true);
      const left = await readAll(provider, 'both');
      expect(contents.some((bytes) => bytes.equals(left))).toBe(true);
    });

    test('bytes that arrive damaged are refused and stay invisible where the provider attests', async () => {
      const { provider, capabilities, expected } = room();
      const partSize = smallestPart(capabilities);
      const read = bytesOf(2 * partSize + 5, 'damaged');
      const arrived = Buffer.from(read);
      arrived.writeUInt8(arrived.readUInt8(partSize + 1) ^ 1, partSize + 1);
      const upload = await start(provider, 'damaged', { size: read.length, partSize });
      const sending = (async () => {
        const right = await partsOf(read, partSize);
        for (const [index, part] of (await partsOf(arrived, partSize)).entries()) {
          await upload.part({ ...part, checksums: right[index]?.checksums ?? {} }, calm);
        }
        return finish(upload, read);
      })();
      if (expected.attests.upload === undefined) {
        expect(
          await sending.then(
            (stored) => stored.attested,
            () => undefined,
          ),
        ).toBeUndefined();
      } else {
        await expectError(sending, 'checksum-mismatch');
        await upload.abort(calm);
        await expectAbsent(provider, 'damaged');
      }
    });
  });
}
