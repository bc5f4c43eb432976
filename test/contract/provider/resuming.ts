import { describe, expect, test } from 'vitest';
import { noAttributes } from '../../../src/objects/object.ts';
import type { Key } from '../../../src/objects/key.ts';
import type { Part, Provider, ResumedUpload, UploadOptions } from '../../../src/providers/provider.ts';
import { bytesOf } from '../../support/bytes.ts';
import type { ProviderFixture } from './fixture.ts';
import { expectedOf } from './fixture.ts';
import { finish, partsOf, smallestPart, start } from './parts.ts';
import type { Room } from './room.ts';
import { calm, expectAbsent, expectError, put, readAll, roomFor } from './room.ts';

export function resumingCases(fixture: ProviderFixture): void {
  describe('an upload that was left', () => {
    const room = roomFor(fixture);

    const cases = expectedOf(fixture).resumes ? takenUpCases : begunAnewCases;
    cases(room);

    test('does not show, and is thrown away by its checkpoint alone, once or twice', async () => {
      const left = await leave(room(), 'thrown away', 2);
      const other = await room().opened.again();
      await other.connect('target', calm);
      await expectAbsent(other, 'thrown away');
      await other.abortUpload('thrown away', left.checkpoint, calm);
      await other.abortUpload('thrown away', left.checkpoint, calm);
      await expectAbsent(other, 'thrown away');
      await other.close();
    });

    test('is nothing to take up once it was completed', async () => {
      const { provider } = room();
      const left = await leave(room(), 'completed', 0);
      const upload = await start(provider, 'completed', left.options);
      for (const part of left.parts) await upload.part(part, calm);
      await finish(upload, left.bytes);
      const again = provider.resumeUpload('completed', left.options, upload.checkpoint, calm);
      expect(await again).toBeUndefined();
      expect((await readAll(provider, 'completed')).equals(left.bytes)).toBe(true);
    });

    test('does not get in the way of an upload that begins anew', async () => {
      const { provider } = room();
      const left = await leave(room(), 'anew', 2, 'before');
      const bytes = bytesOf(left.bytes.length, 'anew');
      const upload = await start(provider, 'anew', left.options);
      for (const part of await partsOf(bytes, left.options.partSize)) await upload.part(part, calm);
      await finish(upload, bytes);
      expect((await readAll(provider, 'anew')).equals(bytes)).toBe(true);
      await provider.abortUpload('anew', left.checkpoint, calm);
      expect((await readAll(provider, 'anew')).equals(bytes)).toBe(true);
    });

    test('does not get in the way of an object that is put there at once', async () => {
      const { provider } = room();
      await leave(room(), 'put at once', 2, 'before');
      const bytes = bytesOf(100, 'at once');
      await put(provider, 'put at once', bytes, { precondition: { absent: true } });
      expect((await readAll(provider, 'put at once')).equals(bytes)).toBe(true);
    });

    test('is listed at its key and nowhere else, or not at all', async () => {
      const { provider, expected } = room();
      const left = await leave(room(), 'listed', 1);
      await leave(room(), 'listed too', 1);
      const known = expected.listsUploads === 'without key' ? null : 'listed';
      const found = await provider.listUploads(known, [], calm);
      if (expected.listsUploads === 'never') return expect(found).toEqual([]);
      const others = await provider.listUploads(known, [left.checkpoint], calm);
      expect(found.length - others.length).toBe(1);
      expect(Math.abs((found[0]?.startedAt ?? 0) - Date.now())).toBeLessThan(3_600_000);
      const ours = found.find(({ checkpoint }) => others.every((other) => other.checkpoint !== checkpoint));
      await provider.abortUpload(known, ours?.checkpoint ?? '', calm);
      expect(await provider.resumeUpload('listed', left.options, left.checkpoint, calm)).toBeUndefined();
    });
  });
}

function begunAnewCases(room: () => Room): void {
  test('is nothing to take up, and does not show', async () => {
    const left = await leave(room(), 'left', 3);
    const { provider } = room();
    expect(await provider.resumeUpload('left', left.options, left.checkpoint, calm)).toBeUndefined();
    await expectAbsent(provider, 'left');
  });
}

function takenUpCases(room: () => Room): void {
  test('is taken up by another process, which sends only the rest', async () => {
    const left = await leave(room(), 'left', 3);
    await using taken = await takeUp(room(), 'left', left);
    const kept = await sendRest(taken.upload, left.parts);
    expect(kept).toEqual([1, 2, 3]);
    const stored = await finish(taken.upload, left.bytes);
    expect(stored).toMatchObject({ size: left.bytes.length });
    expect(stored.attested).toBe(room().expected.attests.upload);
    expect((await readAll(room().provider, 'left')).equals(left.bytes)).toBe(true);
  });

  test('may be left and taken up again and again', async () => {
    let left = await leave(room(), 'again and again', 1);
    for (let count = 1; count < left.parts.length; count += 1) {
      await using taken = await takeUp(room(), 'again and again', left);
      const next = left.parts.slice(0, count + 1);
      expect(await sendRest(taken.upload, next)).toHaveLength(count);
      await taken.upload.leave();
      const { checkpoint } = taken.upload;
      if (checkpoint !== left.checkpoint) await taken.provider.abortUpload('again and again', left.checkpoint, calm);
      left = { ...left, checkpoint };
    }
    await using taken = await takeUp(room(), 'again and again', left);
    await sendRest(taken.upload, left.parts);
    await finish(taken.upload, left.bytes);
    expect((await readAll(room().provider, 'again and again')).equals(left.bytes)).toBe(true);
  });

  test('holds other bytes than are read now: it never becomes an attested copy, nor mixes with another', async () => {
    const { provider } = room();
    const left = await leave(room(), 'other bytes', 2, 'before');
    const parts = await partsOf(bytesOf(left.bytes.length, 'now'), left.options.partSize);
    const bytes = Buffer.concat(parts.map((part) => part.bytes));
    await using taken = await takeUp(room(), 'other bytes', left);
    await sendRest(taken.upload, parts);
    const end = await finish(taken.upload, bytes).catch((error: unknown) => error);
    if (end instanceof Error) return await expectAbsent(provider, 'other bytes');
    const isRight = (await readAll(provider, 'other bytes')).equals(bytes);
    expect(isRight || !('attested' in (end as object))).toBe(true);
  });

  test('an aborted signal ends every call', async () => {
    const { provider } = room();
    const left = await leave(room(), 'signal', 1);
    await expectError(provider.resumeUpload('signal', left.options, left.checkpoint, AbortSignal.abort()), 'aborted');
  });
}

interface Left {
  readonly bytes: Buffer;
  readonly parts: readonly Part[];
  readonly options: UploadOptions;
  readonly checkpoint: string;
}

/** Begins an upload of four parts and a bit in another process, sends the first `count` and leaves it. */
async function leave({ opened, capabilities }: Room, key: Key, count: number, seed: string = key): Promise<Left> {
  const provider = await opened.again();
  await provider.connect('target', calm);
  const partSize = smallestPart(capabilities);
  const bytes = bytesOf(4 * partSize + 9, seed);
  const parts = await partsOf(bytes, partSize);
  const options: UploadOptions = { size: bytes.length, partSize, attributes: noAttributes };
  const upload = await provider.startUpload(key, options, calm);
  for (const part of parts.slice(0, count)) await upload.part(part, calm);
  await upload.leave();
  await provider.close();
  return { bytes, parts, options, checkpoint: upload.checkpoint };
}

interface Taken extends AsyncDisposable {
  readonly upload: ResumedUpload;
  readonly provider: Provider;
}

async function takeUp({ opened }: Room, key: Key, { options, checkpoint }: Left): Promise<Taken> {
  const provider = await opened.again();
  await provider.connect('target', calm);
  const upload = await provider.resumeUpload(key, options, checkpoint, calm);
  if (upload === undefined) throw new Error('There is nothing to take up.');
  return { upload, provider, [Symbol.asyncDispose]: () => provider.close() };
}

/** @returns the numbers of the parts that were not sent. */
async function sendRest(upload: ResumedUpload, parts: readonly Part[]): Promise<number[]> {
  const kept: number[] = [];
  for (const part of parts) {
    if (await upload.keep(part, calm)) kept.push(part.number);
    else await upload.part(part, calm);
  }
  return kept;
}
