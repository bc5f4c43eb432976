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
