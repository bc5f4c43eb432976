import { describe, expect, test } from 'vitest';
import { bytesOf } from '../../support/bytes.ts';
import type { Precondition } from '../../../src/providers/provider.ts';
import type { ProviderFixture } from './fixture.ts';
import { finish, partsOf, smallestPart, start, uploadWhole } from './parts.ts';
import type { Room } from './room.ts';
import { calm, expectError, keysIn, put, readAll, roomFor } from './room.ts';

/** Expects `write` to fail and change nothing, or to succeed where the provider ignores preconditions. */
async function expectHeldBack(
  { provider, expected }: Room,
  kind: 'put' | 'upload' | 'delete',
  key: string,
  write: Promise<unknown>,
): Promise<void> {
  if (expected.preconditions[kind] === 'ignored') {
    await write;
    return;
  }
  await expectError(write, 'conflict');
  expect(await keysIn(provider, { prefix: key })).toEqual([key]);
  expect(String(await readAll(provider, key))).toBe('kept');
}

export function preconditionCases(fixture: ProviderFixture): void {
  describe('preconditions', () => {
    const room = roomFor(fixture);

    const uploadTo = (key: string, precondition: Precondition): Promise<unknown> => {
      const partSize = smallestPart(room().capabilities);
      return uploadWhole(room().provider, key, bytesOf(partSize + 1, 'upload'), partSize, { precondition });
    };

    test('connect tells whether they are enforced', () => {
      const { capabilities, expected } = room();
      const { put: onPut, upload } = expected.preconditions;
      expect(capabilities.conditionalWrites).toBe(onPut === 'conflict' && upload === 'conflict');
      expect(capabilities.conditionalDeletes).toBe(expected.preconditions.delete === 'conflict');
    });

    test('absent lets a new key in', async () => {
      const { provider } = room();
      await put(provider, 'new/put', 'x', { precondition: { absent: true } });
      await uploadTo('new/upload', { absent: true });
      expect(await keysIn(provider, { prefix: 'new/' })).toEqual(['new/put', 'new/upload']);
    });

    test('absent keeps what is there', async () => {
      const { provider } = room();
      for (const key of ['there/put', 'there/upload']) await put(provider, key, 'kept');
      const precondition = { absent: true } as const;
      await expectHeldBack(room(), 'put', 'there/put', put(provider, 'there/put', 'x', { precondition }));
      await expectHeldBack(room(), 'upload', 'there/upload', uploadTo('there/upload', precondition));
    });

    test('absent keeps what came after the upload began', async () => {
      const { provider, capabilities } = room();
      const partSize = smallestPart(capabilities);
      const bytes = bytesOf(partSize + 1, 'late');
      const shape = { size: bytes.length, partSize };
      const upload = await start(provider, 'late', shape, { precondition: { absent: true } });
      const sending = (async () => {
        for (const part of await partsOf(bytes, partSize)) await upload.part(part, calm);
        await put(provider, 'late', 'kept');
        await finish(upload, bytes);
      })();
      await expectHeldBack(room(), 'upload', 'late', sending);
      await upload.abort(calm);
    });

    test('a version lets its successor in', async () => {
      const { provider } = room();
      const first = await put(provider, 'next', 'first');
      const second = await put(provider, 'next', 'second', { precondition: { version: first.version } });
      await uploadTo('next', { version: second.version });
      expect((await provider.head('next', calm)).size).toBe(smallestPart(room().capabilities) + 1);
    });

    test('a version that is no more keeps what is there', async () => {
      const { provider } = room();
      for (const kind of ['put', 'upload', 'delete']) {
        const key = `stale/${kind}`;
        const { version } = await put(provider, key, 'the first bytes');
        await put(provider, key, 'kept');
        const precondition = { version };
        if (kind === 'put') await expectHeldBack(room(), kind, key, put(provider, key, 'x', { precondition }));
        if (kind === 'upload') await expectHeldBack(room(), kind, key, uploadTo(key, precondition));
        if (kind === 'delete') await expectHeldBack(room(), kind, key, provider.delete(key, { precondition }, calm));
      }
    });

    test('a version of a key that is gone lets nothing in', async () => {
      const { provider, expected } = room();
      const { version } = await put(provider, 'gone', 'x');
      await provider.delete('gone', {}, calm);
      const writing = put(provider, 'gone', 'y', { precondition: { version } });
      if (expected.preconditions.put === 'ignored') await writing;
      else await expectError(writing, 'conflict');
    });

    test('a delete of the version that stands there removes it', async () => {
      const { provider } = room();
      const { version } = await put(provider, 'delete/x', 'x');
      await provider.delete('delete/x', { precondition: { version } }, calm);
      expect(await keysIn(provider, { prefix: 'delete/' })).toEqual([]);
    });

    test('of writers racing for an absent key one wins', async () => {
      const { provider, expected } = room();
      const contents = Array.from({ length: 8 }, (_, index) => bytesOf(3_000, `racer ${index}`));
      const precondition = { absent: true } as const;
      const racing = contents.map((bytes) => put(provider, 'race', bytes, { precondition }));
      const ends = await Promise.allSettled(racing);
      const winners = contents.filter((_, index) => ends[index]?.status === 'fulfilled');
      if (expected.oneWinner && expected.preconditions.put === 'conflict') expect(winners).toHaveLength(1);
      const left = await readAll(provider, 'race');
      expect(winners.some((bytes) => bytes.equals(left))).toBe(true);
      for (const end of ends) {
        if (end.status === 'rejected') expect(end.reason).toMatchObject({ name: 'ProviderError', code: 'conflict' });
      }
    });
  });
}
