import { describe, expect, test } from 'vitest';
import { canHoldKey } from '../../../src/providers/azure/azure.ts';
import { canExpressKey } from '../../../src/providers/azure/names.ts';
import { put, expectError } from '../../contract/provider/room.ts';
import { azureRoom, calm } from './room.ts';

describe('keys that Azure is certain to keep', () => {
  test.each([
    ...[
      'a',
      'a/b/c',
      'a b',
      ' a',
      'a ',
      'A',
      '~',
      '-',
      '%',
      '%2F',
      '%2e%2e',
      'a?b=c',
      'a#b',
      'a&b',
      'a+b',
      '...a',
      '.a',
    ],
    ...['"', "'", '<>', ']]>', '&amp;', '*', ':', '\u00e9t', 'e\u0301t', '\uff01', '\u{1F600}', '\u20ac'.repeat(1_024)],
    ...['.holdfast/probe/order/b!', Array.from({ length: 254 }, () => 'd').join('/')],
  ])('%j', (key) => {
    expect([canHoldKey(key), canExpressKey(key)]).toEqual([true, true]);
  });
});

describe('keys that it may change or refuse, though a URL names them', () => {
  test.each([
    ...['/', '/a', 'a/', 'a//b', 'a.', 'a./b', '...', 'a\u0000b', 'a\nb', 'a\rb', '\t', '\u007f', '\u0085', '\u00ad'],
    ...['\u200b', '\u200e', '\u202e', '\u2028', '\ufeff', '\ue000', '\ufdd0', '\ufffd', '\ufffe', '\uffff'],
    ...['\u{1fffe}', '\u{effff}', '\u{f0000}', '\u{10ffff}', Array.from({ length: 255 }, () => 'd').join('/')],
  ])('%j', (key) => {
    expect([canHoldKey(key), canExpressKey(key)]).toEqual([false, true]);
  });
});

describe('keys that no URL names', () => {
  test.each([
    '',
    '.',
    '..',
    '../x',
    'a/../b',
    'a/./b',
    './a',
    'a/..',
    '\\',
    'a\\b',
    '\udc80',
    'a\ud800',
    'x'.repeat(1_025),
  ])('%j', (key) => {
    expect([canHoldKey(key), canExpressKey(key)]).toEqual([false, false]);
  });
});

describe('names at Azurite', () => {
  const room = azureRoom();

  test('a request for a key that no URL names is never sent', async () => {
    const { provider, proxy } = room();
    await put(provider, 'b', 'another');
    proxy.resetTraffic();
    for (const key of ['a/../b', './b', 'x/..\\..\\b']) {
      await expectError(put(provider, key, 'x'), 'unsupported');
      await expectError(provider.head(key, calm), 'unsupported');
      await expectError(provider.read(key, {}, calm), 'unsupported');
      await expectError(provider.delete(key, {}, calm), 'unsupported');
    }
    expect([...proxy.traffic.keys()]).toEqual([]);
  });

  test('a blob that another program stored under a doubtful name is listed and read', async () => {
    const { provider, blobs } = room();
    for (const key of ['a//b', 'dir/', 'end.']) {
      await blobs.getBlockBlobClient(key).upload(key, Buffer.byteLength(key));
      expect((await provider.head(key, calm)).size).toBe(key.length);
      await provider.delete(key, {}, calm);
    }
  });
});
