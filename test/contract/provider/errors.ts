import { ProviderError } from '../../../src/objects/errors.ts';
import { describe, expect, test } from 'vitest';
import { bytesOf } from '../../support/bytes.ts';
import { digestOf } from '../../support/digest.ts';
import type { ProviderFixture } from './fixture.ts';
import { expectedOf } from './fixture.ts';
import { partsOf, smallestPart, start } from './parts.ts';
import { calm, collect, expectError, keysIn, put, readAll, recordFor, roomFor } from './room.ts';

export function connectCases(fixture: ProviderFixture): void {
  describe('connect', () => {
    test('tells what the provider can do, again and again, and leaves nothing among the objects', async () => {
      const opened = await fixture.open();
      const expected = expectedOf(fixture);
      try {
        const capabilities = await opened.provider.connect('target', calm);
        expect(capabilities.attests).toEqual(expected.attests);
        expect(capabilities.listing).toBe(expected.listing);
        expect(await opened.provider.connect('target', calm)).toEqual(capabilities);
        expect(await keysIn(opened.provider)).toEqual([]);
      } finally {
        await opened.close();
      }
    });

    test('writes nothing at a source', async () => {
      const opened = await fixture.open();
      try {
        await opened.provider.connect('source', calm);
        expect(await keysIn(opened.provider, { prefix: '.holdfast/' })).toEqual([]);
      } finally {
        await opened.close();
      }
    });

    test('of what does not exist throws not-found', async () => {
      const opened = await fixture.openMissing?.();
      try {
        if (opened !== undefined) await expectError(opened.provider.connect('target', calm), 'not-found');
      } finally {
        await opened?.close();
      }
    });
  });
}

export function errorCases(fixture: ProviderFixture): void {
  describe('errors', () => {
    const room = roomFor(fixture);

    test('a key that is not there is not-found, and the error names it and the provider', async () => {
      const { provider } = room();
      for (const call of [() => provider.head('no/such', calm), () => readAll(provider, 'no/such')]) {
        const error = await expectError(call(), 'not-found');
        expect(error).toMatchObject({ provider: provider.name, key: 'no/such', retryable: false });
      }
    });

    test('an aborted signal ends every call with aborted', async () => {
      const { provider, capabilities } = room();
      const gone = AbortSignal.abort();
      const partSize = smallestPart(capabilities);
      const bytes = bytesOf(10);
      await put(provider, 'aborted/there', 'x');
      const upload = await start(provider, 'aborted/upload', { size: 10, partSize });
      const [part] = await partsOf(bytes, partSize);
      await expectError(provider.head('aborted/there', gone), 'aborted');
      await expectError(provider.read('aborted/there', {}, gone), 'aborted');
      await expectError(collect(provider, {}, gone), 'aborted');
      await expectError(put(provider, 'aborted/put', 'x', { signal: gone }), 'aborted');
      await expectError(provider.delete('aborted/there', {}, gone), 'aborted');
      await expectError(start(provider, 'aborted/x', { size: 10, partSize }, { signal: gone }), 'aborted');
      if (part !== undefined) await expectError(upload.part(part, gone), 'aborted');
      await expectError(upload.complete(await digestOf(bytes), await recordFor(bytes), gone), 'aborted');
      await upload.abort(calm);
      expect(await keysIn(provider, { prefix: 'aborted/' })).toEqual(['aborted/there']);
    });

    test('a signal that aborts while a body is read ends the body', async () => {
      const { provider } = room();
      await put(provider, 'body', bytesOf(8_000_000, 'body'));
      const controller = new AbortController();
      await using reader = await provider.read('body', {}, controller.signal);
      const reading = (async () => {
        for await (const _ of reader.body) controller.abort();
      })();
      await expectError(reading, 'aborted');
    });

    test('a write aborted half way leaves the old bytes or the new ones, whole', async () => {
      const { provider } = room();
      const bytes = bytesOf(3_000_000, 'half way');
      await put(provider, 'half', 'before');
      const controller = new AbortController();
      const writing = put(provider, 'half', bytes, { signal: controller.signal }).catch((error: unknown) => error);
      setImmediate(() => controller.abort());
      const end = await writing;
      if (end instanceof Error) expect(end).toMatchObject({ name: 'ProviderError', code: 'aborted' });
      // No case may go on with this key: a request that was given up may still arrive at its server, also while it is read.
      const isReplaced = (error: unknown): boolean => error instanceof ProviderError && error.code === 'conflict';
      const left = await readAll(provider, 'half').catch(async (error: unknown) => {
        if (!isReplaced(error)) throw error;
        return await readAll(provider, 'half');
      });
      expect(left.equals(bytes) || String(left) === 'before').toBe(true);
    });
  });
}
