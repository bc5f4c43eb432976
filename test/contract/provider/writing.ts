import { describe, expect, test } from 'vitest';
import { digestOf } from '../../support/digest.ts';
import { bytesOf } from '../../support/bytes.ts';
import { noAttributes } from '../../../src/objects/object.ts';
import type { ProviderFixture } from './fixture.ts';
import {
  calm,
  collect,
  expectAbsent,
  expectError,
  keysIn,
  openRoom,
  put,
  readAll,
  recordFor,
  roomFor,
} from './room.ts';

export function writingCases(fixture: ProviderFixture): void {
  describe('put', () => {
    const room = roomFor(fixture);

    test.each([0, 1, 2, 65_535, 65_536, 65_537, 1_000_003])('%i bytes come back whole', async (size) => {
      const { provider, expected } = room();
      const bytes = bytesOf(size, 'size');
      const stored = await put(provider, `size/${size}`, bytes);
      expect(stored).toMatchObject({ size });
      expect(stored.attested).toBe(expected.attests.put);
      expect((await readAll(provider, `size/${size}`)).equals(bytes)).toBe(true);
      const head = await provider.head(`size/${size}`, calm);
      expect(head).toMatchObject({ size, version: stored.version });
      expect(await digestOf(bytes)).toMatchObject(head.checksums ?? {});
    });

    test('what it returned, head, read and list agree on', async () => {
      const { provider } = room();
      const stored = await put(provider, 'agree/x', 'bytes');
      const head = await provider.head('agree/x', calm);
      await using reader = await provider.read('agree/x', {}, calm);
      const [listed] = await collect(provider, { prefix: 'agree/' });
      for (const seen of [head, reader.head, listed]) {
        expect(seen).toMatchObject({ key: 'agree/x', size: 5, version: stored.version });
        // Some answers carry whole seconds only.
        expect(Math.abs((seen?.modifiedAt ?? 0) - head.modifiedAt)).toBeLessThan(1_000);
      }
      expect(head.modifiedAt).toBeGreaterThan(0);
      expect(reader.head).toMatchObject({ attributes: head.attributes, record: head.record });
    });

    test('the record comes back exactly', async () => {
      const { provider } = room();
      await put(provider, 'record', 'bytes');
      expect((await provider.head('record', calm)).record).toEqual(await recordFor(Buffer.from('bytes')));
    });

    test('an overwritten key shows the new bytes under a new version', async () => {
      const { provider } = room();
      const first = await put(provider, 'over/x', bytesOf(5_000, 'first'));
      const second = await put(provider, 'over/x', 'second');
      expect(second.version).not.toBe(first.version);
      expect(String(await readAll(provider, 'over/x'))).toBe('second');
      expect(await collect(provider, { prefix: 'over/' })).toMatchObject([{ size: 6, version: second.version }]);
      expect((await provider.head('over/x', calm)).record).toEqual(await recordFor(Buffer.from('second')));
    });

    test('bytes that arrive damaged are refused and stay invisible where the provider attests', async () => {
      const { provider, expected } = room();
      const digest = await digestOf(Buffer.from('as it was read'));
      const options = { attributes: noAttributes, digest, record: await recordFor(Buffer.from('as it was read')) };
      const writing = provider.put('damaged', Buffer.from('as it was Read'), options, calm);
      if (expected.attests.put === undefined) {
        expect(
          await writing.then(
            (stored) => stored.attested,
            () => undefined,
          ),
        ).toBeUndefined();
      } else {
        await expectError(writing, 'checksum-mismatch');
        await expectAbsent(provider, 'damaged');
      }
    });

    test('the buffer of a put that settled may be used for other bytes', async () => {
      const { provider } = room();
      const bytes = bytesOf(100_000, 'reused');
      const [digest, record] = [await digestOf(bytes), await recordFor(bytes)];
      await provider.put('reused', bytes, { attributes: noAttributes, digest, record }, calm);
      bytes.fill(0);
      expect((await readAll(provider, 'reused')).equals(bytesOf(100_000, 'reused'))).toBe(true);
    });

    test('writers of one key at once leave the bytes of one of them, whole', async () => {
      const { provider } = room();
      const contents = Array.from({ length: 8 }, (_, index) => bytesOf(10_000 + index, `writer ${index}`));
      const written = await Promise.allSettled(contents.map((bytes) => put(provider, 'race', bytes)));
      expect(written.some((outcome) => outcome.status === 'fulfilled')).toBe(true);
      const left = await readAll(provider, 'race');
      expect(contents.some((bytes) => bytes.equals(left))).toBe(true);
    });
  });

  describe('delete', () => {
    const room = roomFor(fixture);

    test('removes the object, and may be repeated', async () => {
      const { provider } = room();
      await put(provider, 'gone', 'x');
      await provider.delete('gone', {}, calm);
      await expectAbsent(provider, 'gone');
      await provider.delete('gone', {}, calm);
    });

    test('of a key that was never there succeeds, and leaves its neighbours', async () => {
      const { provider } = room();
      await put(provider, 'dir/x', 'x');
      for (const key of ['never', 'dir', 'dir/', 'dir/x/y', 'dir/X']) await provider.delete(key, {}, calm);
      expect(await keysIn(provider, { prefix: 'dir' })).toEqual(['dir/x']);
    });

    test('a key can be written again', async () => {
      const { provider } = room();
      await put(provider, 'again', 'one');
      await provider.delete('again', {}, calm);
      await put(provider, 'again', 'two');
      expect(String(await readAll(provider, 'again'))).toBe('two');
    });
  });

  test('the objects of two providers do not mix', async () => {
    const [one, two] = [await openRoom(fixture), await openRoom(fixture)];
    try {
      await put(one.provider, 'k', 'one');
      expect(await keysIn(two.provider)).toEqual([]);
      await put(two.provider, 'k', 'two');
      expect(String(await readAll(one.provider, 'k'))).toBe('one');
      await two.provider.delete('k', {}, calm);
      expect(await keysIn(one.provider)).toEqual(['k']);
    } finally {
      await one.opened.close();
      await two.opened.close();
    }
  });
}
