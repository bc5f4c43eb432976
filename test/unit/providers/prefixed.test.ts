import { expect, test } from 'vitest';
import { MemoryBucket } from '../../../src/providers/memory/bucket.ts';
import { MemoryProvider } from '../../../src/providers/memory/memory.ts';
import { prefixed } from '../../../src/providers/prefixed.ts';
import { bytesOf } from '../../support/bytes.ts';
import { uploadWhole } from '../../contract/provider/parts.ts';
import { calm, expectError, keysIn, put, readAll } from '../../contract/provider/room.ts';

function opened(prefix = 'replicas/one/') {
  const bucket = new MemoryBucket();
  const outer = new MemoryProvider({ bucket, refuses: (key) => (key.length > 30 ? 'it is too long' : undefined) });
  return { bucket, outer, provider: prefixed(outer, prefix) };
}

test('everything is below the prefix, our own keys too', async () => {
  const { bucket, provider } = opened();
  for (const key of ['x', '../x', '/x', '.holdfast/x']) await put(provider, key, key);
  await uploadWhole(provider, 'up', bytesOf(10), 10);
  const expected = ['x', '../x', '/x', '.holdfast/x', 'up'].map((key) => `replicas/one/${key}`);
  expect([...bucket.objects.keys()]).toEqual(expected);
});

test('what is above the prefix or beside it is neither seen nor touched', async () => {
  const { outer, provider } = opened('p/');
  for (const key of ['x', 'p', 'p0', 'q/x', '.holdfast/x', 'p/x']) await put(outer, key, 'theirs');
  expect(await keysIn(provider)).toEqual(['x']);
  expect(await keysIn(provider, { prefix: '.holdfast/' })).toEqual([]);
  await provider.delete('q/x', {}, calm);
  expect(await keysIn(outer, { prefix: 'q/' })).toEqual(['q/x']);
});

test('an object at the prefix itself is reported, and no key stands for it', async () => {
  const { outer, provider } = opened('p/');
  await put(outer, 'p/', 'a marker');
  const pages = provider.list({}, calm)[Symbol.asyncIterator]();
  expect((await pages.next()).value).toMatchObject({ entries: [], ignored: [{ key: '' }] });
  await expectError(put(provider, '', 'x'), 'unsupported');
  expect(String(await readAll(outer, 'p/'))).toBe('a marker');
});

test('an error names the key as the caller knows it', async () => {
  const { provider } = opened();
  expect(await expectError(provider.head('no', calm), 'not-found')).toMatchObject({ key: 'no' });
  const long = 'k'.repeat(20);
  expect(await expectError(put(provider, long, 'x'), 'unsupported')).toMatchObject({ key: long });
});

test('a prefix that does not end in a slash is refused', () => {
  expect(() => opened('p')).toThrow('ends in "/"');
});
