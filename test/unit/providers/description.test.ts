import { expect, test } from 'vitest';
import {
  describedHead,
  descriptionKey,
  parseDescription,
  serializeDescription,
} from '../../../src/providers/description.ts';

const attributes = { contentType: 'a/b', cacheControl: 'no-store', metadata: { 'Ü ': '\n' } };
const record = {
  ...{ sha256: 'a'.repeat(64), size: 3, sourceVersion: '"v"', sourceModifiedAt: 1.5 },
  checksums: { sha256: 'a'.repeat(64) },
};

test('a description says what was put into it', () => {
  for (const content of [{ attributes, record }, { attributes }, { record }, {}]) {
    expect(parseDescription(String(serializeDescription(content)))).toEqual(content);
  }
});

test.each(['', 'no JSON', 'null', '[]', '"text"', '7'])('%j is no description', (text) => {
  expect(parseDescription(text)).toBeUndefined();
});

test.each([
  ['a digest of another length', { sha256: 'a' }],
  ['a digest that is no text', { sha256: 1 }],
  ['a negative size', { size: -1 }],
  ['a size that is no number', { size: '3' }],
  ['a size with a fraction', { size: 0.5 }],
  ['no version', { sourceVersion: undefined }],
  ['no time', { sourceModifiedAt: null }],
  ['checksums that are no texts', { checksums: { md5: 1 } }],
  ['no checksums', { checksums: null }],
])('a record with %s is none, and the rest counts all the same', (_, damage) => {
  const text = JSON.stringify({ attributes, record: { ...record, ...damage } });
  expect(parseDescription(text)).toEqual({ attributes });
});

test.each([
  ['no metadata', { metadata: undefined }],
  ['metadata that is a list', { metadata: ['x'] }],
  ['metadata that is no text', { metadata: { a: 1 } }],
  ['a header that is no text', { contentType: 1 }],
])('attributes with %s are none, and the rest counts all the same', (_, damage) => {
  const text = JSON.stringify({ attributes: { ...attributes, ...damage }, record });
  expect(parseDescription(text)).toEqual({ record });
});

test('its key is below what is reserved', () => {
  expect(descriptionKey('p/.holdfast/', 'abcdef')).toBe('p/.holdfast/descriptions/ab/abcdef.json');
});

test('a head shows the described attributes, and the record that the object carries itself before another', () => {
  const info = { key: 'k', size: 3, version: 'v', modifiedAt: 0 };
  const own = { attributes: { metadata: {} } };
  expect(describedHead(info, own, undefined)).toEqual({ ...info, ...own });
  expect(describedHead(info, own, { attributes, record })).toEqual({ ...info, attributes, record });
  const mine = { ...record, sourceVersion: 'mine' };
  expect(describedHead(info, { ...own, record: mine }, { record })).toEqual({ ...info, ...own, record: mine });
});
