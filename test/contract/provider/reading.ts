import { describe, expect, test } from 'vitest';
import { bytesOf } from '../../support/bytes.ts';
import { ProviderError } from '../../../src/objects/errors.ts';
import type { ProviderFixture } from './fixture.ts';
import { calm, expectError, put, readAll, roomFor } from './room.ts';

export function readingCases(fixture: ProviderFixture): void {
  describe('read', () => {
    const room = roomFor(fixture);

    test.each([
      [100_000, 0],
      [100_000, 1],
      [100_000, 65_536],
      [100_000, 99_999],
      [0, 0],
      [1, 0],
    ])('of %i bytes from byte %i on', async (size, from) => {
      const { provider } = room();
      const bytes = bytesOf(size, 'range');
      await put(provider, `range/${size}`, bytes);
      const got = await readAll(provider, `range/${size}`, { from });
      expect(got.equals(bytes.subarray(from))).toBe(true);
      await using reader = await provider.read(`range/${size}`, { from }, calm);
      expect(reader.head.size, 'the head tells the size of the whole object').toBe(size);
    });

    test.each([
      ['a range in the middle', 100_000, 10_000, 75_537],
      ['the first byte', 100_000, 0, 1],
      ['the last byte', 100_000, 99_999, 100_000],
      ['a range up to the end', 100_000, 50_000, 100_000],
      ['a range that goes beyond the end', 100_000, 99_000, 200_000],
      ['a range that is more than all', 100_000, 0, 200_000],
      ['a range beyond the end', 100_000, 100_001, 100_002],
      ['from beyond the end on', 100_000, 100_001, undefined],
      ['a range of an empty object', 0, 0, 10],
    ])('of %s', async (_, size, from, to) => {
      const { provider } = room();
      const bytes = bytesOf(size, 'ranges');
      const key = `ranges/${size}`;
      const { version } = await put(provider, key, bytes);
      const range = { from, ...(to !== undefined && { to }) };
      expect((await readAll(provider, key, range)).equals(bytes.subarray(from, to))).toBe(true);
      expect((await readAll(provider, key, { ...range, version })).equals(bytes.subarray(from, to))).toBe(true);
      await using reader = await provider.read(key, range, calm);
      expect([reader.head.size, reader.head.version], 'the head is that of the whole object').toEqual([size, version]);
    });

    test('of a range that begins with the first byte tells the same of the object as one of all', async () => {
      const { provider } = room();
      await put(provider, 'told', bytesOf(10_000));
      await using whole = await provider.read('told', {}, calm);
      await using range = await provider.read('told', { to: 100 }, calm);
      expect(range.head).toEqual(whole.head);
    });

    test('of many ranges side by side gives each its own bytes', async () => {
      const { provider } = room();
      const bytes = bytesOf(1_000_000, 'side by side');
      const { version } = await put(provider, 'side by side', bytes);
      const starts = Array.from({ length: 16 }, (_, n) => n * 62_500);
      const ranges = starts.map((from) => readAll(provider, 'side by side', { version, from, to: from + 62_500 }));
      expect(Buffer.concat(await Promise.all(ranges)).equals(bytes)).toBe(true);
    });

    test('of the version asked for, from a byte on', async () => {
      const { provider } = room();
      const bytes = bytesOf(10_000, 'versioned');
      const { version } = await put(provider, 'versioned', bytes);
      expect((await readAll(provider, 'versioned', { version })).equals(bytes)).toBe(true);
      expect((await readAll(provider, 'versioned', { version, from: 9_000 })).equals(bytes.subarray(9_000))).toBe(true);
    });

    test('of a version that is no more throws conflict', async () => {
      const { provider } = room();
      const { version } = await put(provider, 'stale', 'first');
      await put(provider, 'stale', 'other bytes');
      await expectError(readAll(provider, 'stale', { version }), 'conflict');
      await expectError(readAll(provider, 'stale', { version, from: 2 }), 'conflict');
      await expectError(readAll(provider, 'stale', { version, from: 2, to: 4 }), 'conflict');
      await expectError(readAll(provider, 'stale', { version, to: 4 }), 'conflict');
      await expectError(readAll(provider, 'stale', { version, from: 100, to: 200 }), 'conflict');
      await provider.delete('stale', {}, calm);
      await expectError(readAll(provider, 'stale', { version }), 'conflict', 'not-found');
    });

    test('of an object that is replaced meanwhile gives the version in its head, whole, or throws', async () => {
      const { provider, opened } = room();
      const before = bytesOf(4_000_000, 'before');
      const after = bytesOf(4_000_000, 'after');
      const replace = opened.tamper?.overwrite ?? ((key: string, bytes: Buffer) => put(provider, key, bytes));
      await put(provider, 'moving', before);
      await using reader = await provider.read('moving', {}, calm);
      const outcome = await (async () => {
        const chunks: Uint8Array[] = [];
        for await (const chunk of reader.body) {
          chunks.push(Uint8Array.from(chunk));
          if (chunks.length === 1) await replace('moving', after);
        }
        return Buffer.concat(chunks);
      })().catch((error: unknown) => error);
      if (Buffer.isBuffer(outcome)) expect(outcome.equals(before), 'the bytes of the version in the head').toBe(true);
      else expect(outcome).toBeInstanceOf(ProviderError);
    });

    test('sees old bytes or new ones, whole, while the object is replaced again and again', async () => {
      const { provider } = room();
      const contents = ['even', 'odd'].map((name) => bytesOf(150_000, name));
      await put(provider, 'flip', contents[0] ?? '');
      const writing = (async () => {
        for (let round = 1; round <= 10; round += 1) await put(provider, 'flip', contents[round % 2] ?? '');
      })();
      for (let round = 0; round < 10; round += 1) {
        const seen = await readAll(provider, 'flip').catch((error: unknown) => error);
        if (Buffer.isBuffer(seen)) expect(contents.some((bytes) => bytes.equals(seen))).toBe(true);
        else expect(seen).toMatchObject({ name: 'ProviderError', code: 'conflict' });
      }
      await writing;
    });

    test('may be left unread or broken off, many times', async () => {
      const { provider } = room();
      const bytes = bytesOf(300_000, 'left');
      await put(provider, 'left', bytes);
      for (let round = 0; round < 60; round += 1) {
        await using reader = await provider.read('left', {}, calm);
        if (round % 2 === 0) continue;
        for await (const _ of reader.body) break;
      }
      expect((await readAll(provider, 'left')).equals(bytes)).toBe(true);
    });
  });
}
