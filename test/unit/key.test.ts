import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareKeys, keyToBytes } from '../../src/objects/key.ts';
import { printedSeed } from '../support/seed.ts';

/** Characters round every boundary of UTF-16 and UTF-8, halves of pairs, and bytes that are no UTF-8. */
const units = [
  'a',
  'b',
  '/',
  '\u007f',
  '\u0080',
  '\u07ff',
  '\ud7ff',
  '\ud83d',
  '\ude00',
  '\udc80',
  '\udcff',
  '\ue000',
  '\uffff',
];
const keys = fc.array(fc.constantFrom(...units, '\u{1F600}', '\u{1F601}', '\u{10ffff}'), { maxLength: 5 });

test('keys are in the order of their bytes', () => {
  const inOrder = fc.property(keys, keys, keys, (before, left, right) => {
    const [a, b] = [[...before, ...left].join(''), [...before, ...right].join('')];
    fc.pre(a !== b && !keyToBytes(a).equals(keyToBytes(b)));
    expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(keyToBytes(a), keyToBytes(b)));
  });
  fc.assert(inOrder, { seed: printedSeed('order of keys'), numRuns: 5_000 });
});

test('a key is as much as itself', () => {
  for (const unit of units) expect(compareKeys(unit, unit)).toBe(0);
});
