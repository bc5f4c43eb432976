import { systemClock } from '../../../src/objects/clock.ts';
import { expect, test } from 'vitest';
import { MemoryBucket } from '../../../src/providers/memory/bucket.ts';
import { MemoryProvider, memoryCapabilities } from '../../../src/providers/memory/memory.ts';
import { bytesOf } from '../../support/bytes.ts';
import { finish, partsOf, start } from '../../contract/provider/parts.ts';
import { calm, expectError, put, readAll } from '../../contract/provider/room.ts';

test('a bucket outlives the provider opened on it', async () => {
  const bucket = new MemoryBucket();
  const before = await put(new MemoryProvider({ bucket }), 'k', 'kept');
  const provider = new MemoryProvider({ bucket });
  expect(await provider.head('k', calm)).toMatchObject({ version: before.version });
  expect((await put(provider, 'k', 'next')).version).not.toBe(before.version);
});

test('times are those of the clock it was given', async () => {
  const provider = new MemoryProvider({ clock: { ...systemClock, now: () => 42, sleep: () => Promise.resolve() } });
  await put(provider, 'k', 'x');
  expect((await provider.head('k', calm)).modifiedAt).toBe(42);
});

test('bytes damaged where they are stored are read as they are', async () => {
  const provider = new MemoryProvider();
  await put(provider, 'k', 'whole');
  provider.bucket.objects.get('k')?.bytes.write('W');
  expect(String(await readAll(provider, 'k'))).toBe('Whole');
});

test.each([
  ['too many parts', 5_001, 500],
  ['parts that are too small', 300, 100],
  ['parts that are too large', 5_000, 5_000],
  ['parts of an odd size', 1_000, 750],
])('an upload in %s is refused', async (_, size, partSize) => {
  const part = { min: 500, max: 1_000, multipleOf: 500, maxCount: 10, order: 'any' } as const;
  const capabilities = { limits: { ...memoryCapabilities.limits, part } };
  await expectError(start(new MemoryProvider({ capabilities }), 'k', { size, partSize }), 'invalid');
});

test('parts that do not fit, or come after the end, are refused', async () => {
  const provider = new MemoryProvider();
  const bytes = bytesOf(25);
  const parts = await partsOf(bytes, 10);
  const upload = await start(provider, 'k', { size: 25, partSize: 10 });
  const [first, second, third] = parts;
  if (first === undefined || second === undefined || third === undefined) throw new Error('There are three parts.');
  await expectError(upload.part({ ...first, number: 2 }, calm), 'invalid');
  await expectError(upload.part({ ...first, bytes: first.bytes.subarray(1) }, calm), 'invalid');
  await upload.part(first, calm);
  await expectError(finish(upload, bytes), 'invalid');
  await upload.part(second, calm);
  await upload.part(third, calm);
  await finish(upload, bytes);
  await expectError(upload.part(first, calm), 'invalid');
  await upload.abort(calm);
  expect((await readAll(provider, 'k')).equals(bytes)).toBe(true);
});

test('a sequential provider refuses a part that comes too early', async () => {
  const { limits } = memoryCapabilities;
  const sequential = { limits: { ...limits, part: { ...limits.part, order: 'sequential' as const } } };
  const upload = await start(new MemoryProvider({ capabilities: sequential }), 'k', { size: 25, partSize: 10 });
  const [, second] = await partsOf(bytesOf(25), 10);
  if (second !== undefined) await expectError(upload.part(second, calm), 'invalid');
});
