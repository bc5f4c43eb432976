import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeKey, encodeKey, plainPath, sidecarPath } from '../../../src/providers/filesystem/layout.ts';
import { printedSeed } from '../../support/seed.ts';

const bytes = fc
  .oneof(fc.uint8Array({ minLength: 1, maxLength: 6 }), fc.uint8Array({ minLength: 120, maxLength: 400 }))
  .map((value) => Buffer.from(value).toString('latin1'));

test('encoded paths are reversible, keep the order of the keys, and prefixes stay prefixes', () => {
  const seed = printedSeed('filesystem layout');
  const property = fc.property(bytes, bytes, bytes, (head, a, b) => {
    const [x, y] = [head + a, head + b];
    expect(decodeKey(encodeKey(x))).toBe(x);
    expect(encodeKey(x) < encodeKey(y)).toBe(x < y);
    expect(encodeKey(x).startsWith(encodeKey(head))).toBe(true);
  });
  fc.assert(property, { seed });
});

test('no piece of an encoded path is longer than a name may be, and none is file and directory at once', () => {
  for (const length of [1, 126, 127, 128, 254, 255, 1_024]) {
    const names = encodeKey('k'.repeat(length)).split('/');
    expect(names.every((name) => name.length <= 255)).toBe(true);
    expect(names.slice(0, -1).every((name) => name.endsWith('+'))).toBe(true);
    expect(names.at(-1)).toMatch(/^[0-9a-f]+$/);
  }
});

test.each(['', 'zz', '6', '61+', '61/62', 'AB', `${'61'.repeat(127)}/61`])('%j is no encoded path', (path) => {
  expect(decodeKey(path)).toBeUndefined();
});

const any = { portableOnly: false };

test.each(['a', 'a/b', '...', '.a', ' ', '\\', 'a\n', '\xff', '.holdfast', '.holdfastly/x', 'n'.repeat(255)])(
  '%j is a usable path',
  (raw) => {
    expect(plainPath(raw, '/root', any)).toBe(raw);
  },
);

test.each([
  ...['', '/', 'a/', '/a', 'a//b', '.', '..', 'a/../b', './a', 'a/.', 'a\0', '.holdfast/x'],
  ...['n'.repeat(256), `${'n/'.repeat(2_050)}n`],
])('%j is no usable path', (raw) => {
  expect(plainPath(raw, '/root', any)).toBeUndefined();
});

test.each(['a.', 'a ', 'a:b', 'a?', '\xc3\xa9', 'a\\b', 'dir./x'])('%j is not safe where names are altered', (raw) => {
  expect(plainPath(raw, '/root', { portableOnly: true })).toBeUndefined();
  expect(plainPath('Dir/file 1.txt', '/root', { portableOnly: true })).toBe('Dir/file 1.txt');
});

test('a sidecar has a short path, whatever the key', () => {
  expect(sidecarPath('a/b'.repeat(1_300))).toMatch(/^\.holdfast\/meta\/[0-9a-f]{2}\/[0-9a-f]{64}\.json$/);
  expect(sidecarPath('a/b')).not.toBe(sidecarPath('a/c'));
});
