import { expect, test } from 'vitest';
import { wholeSize } from '../../../src/providers/http-answers.ts';

const refuse = (code: string, what: string): Error => new Error(`${code}: ${what}`);
const sizeIn = (contentRange: string | undefined, from: number, to?: number) => (): number | undefined =>
  wholeSize({ contentLength: 10, contentRange }, { from, to }, refuse);

test('an answer that carries the bytes asked for tells the size of the whole', () => {
  expect(sizeIn('bytes 5-9/100', 5, 10)()).toBe(100);
  expect(sizeIn('bytes 5-9/10', 5, 50)()).toBe(10);
  expect(sizeIn('bytes 5-9/10', 5)()).toBe(10);
  expect(sizeIn(undefined, 0)()).toBe(10);
});

test.each([
  ['no range at all', undefined],
  ['the end of the range is ignored', 'bytes 5-99/100'],
  ['the size of the whole is not told', 'bytes 5-9/*'],
])('where %s, the object can be read without ranges', (_, contentRange) => {
  expect(sizeIn(contentRange, 5, 10)).toThrow(/^unsupported: /);
});

test.each([
  ['begins elsewhere', 'bytes 6-10/100', 10],
  ['is shorter', 'bytes 5-8/100', 10],
  ['does not say how long the whole is that was asked for to its end', 'bytes 5-9/*', undefined],
  ['is no range', 'bytes=5-9', 10],
])('a range that %s is no answer', (_, contentRange, to) => {
  expect(sizeIn(contentRange, 5, to)).toThrow(/^invalid: /);
});
