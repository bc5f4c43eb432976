import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatListen, isLoopback, parseListen } from '../../../src/config/address.ts';
import { editDistance, nearest } from '../../../src/config/suggest.ts';
import * as units from '../../../src/config/units.ts';

describe('units', () => {
  it.each([
    ['0', 0],
    ['512', 512],
    ['512B', 512],
    ['512KiB', 524_288],
    ['1MB', 1_000_000],
    ['1.5GiB', 1_610_612_736],
    ['2TiB', 2_199_023_255_552],
  ])('the size %s', (text, bytes) => expect(units.parseSize(text)).toBe(bytes));

  it.each(['', 'B', '1.', '.5MB', '1 MB', '1mb', '1M', '-1', '+1', '1e3', '0x10', '1MiB ', '99999999999TiB', 'NaN'])(
    'no size: %j',
    (text) => expect(units.parseSize(text)).toBeUndefined(),
  );

  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['1h30m', 5_400_000],
    ['30d', 2_592_000_000],
    ['1d2h3m4s5ms', 93_784_005],
  ])('the duration %s', (text, ms) => expect(units.parseDuration(text)).toBe(ms));

  it.each(['', '5', '5 minutes', '5M', '30m1h', '1h1h', '-5m', 'm', '1h30', '9'.repeat(30) + 'd'])(
    'no duration: %j',
    (text) => expect(units.parseDuration(text)).toBeUndefined(),
  );

  it('percentages and rates', () => {
    expect(units.parsePercent('12.5%')).toBe(0.125);
    expect(['10', '101%', '-1%', '1 %', '%'].map(units.parsePercent)).toEqual(Array(5).fill(undefined));
    expect(units.parseRate('100MiB/s')).toBe(104_857_600);
    expect(['100MiB', '100/s', '1MiB/m', '/s'].map(units.parseRate)).toEqual(Array(4).fill(undefined));
  });

  it('what is formatted parses to the same', () => {
    const amounts = fc.integer({ min: 0, max: 2 ** 46 });
    fc.assert(fc.property(amounts, (bytes) => units.parseSize(units.formatSize(bytes)) === bytes));
    fc.assert(fc.property(amounts, (bytes) => units.parseRate(units.formatRate(bytes)) === bytes));
    fc.assert(fc.property(amounts, (ms) => units.parseDuration(units.formatDuration(ms)) === ms));
    const percents = fc.integer({ min: 0, max: 1000 }).map((n) => `${n / 10}%`);
    fc.assert(fc.property(percents, (text) => units.formatPercent(units.parsePercent(text) ?? -1) === text));
    expect([units.formatSize(2 ** 28), units.formatDuration(5_400_000), units.formatRate(1000)]).toEqual([
      '256MiB',
      '1h30m',
      '1KB/s',
    ]);
  });
});

describe('addresses to listen on', () => {
  it.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080, loopback: true }],
    ['localhost:0', { host: 'localhost', port: 0, loopback: true }],
    ['[::1]:80', { host: '::1', port: 80, loopback: true }],
    [':8080', { host: '0.0.0.0', port: 8080, loopback: false }],
    ['[::]:1', { host: '::', port: 1, loopback: false }],
    ['holdfast.example:65535', { host: 'holdfast.example', port: 65_535, loopback: false }],
  ])('%s', (text, address) => {
    expect(parseListen(text)).toEqual(address);
    expect(parseListen(formatListen(address))).toEqual(address);
  });

  it.each([
    '',
    ':',
    '8080',
    'a:b',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:80',
    '[::1]',
    '[x]:80',
    'a b:80',
    '1.2.3:80',
    'http://a:80',
    '-a:80',
  ])('not %j', (text) => expect(parseListen(text)).toBeUndefined());

  it('loopback is this machine only', () => {
    expect(['127.1.2.3', '::1', '[::1]', '0:0:0:0:0:0:0:1', 'LOCALHOST'].filter(isLoopback)).toHaveLength(5);
    expect(
      ['0.0.0.0', '::', '128.0.0.1', '127.evil.example', '2001::1', 'localhost.example'].filter(isLoopback),
    ).toEqual([]);
  });
});

describe('suggestions', () => {
  it('the nearest within reach, or none', () => {
    expect(editDistance('bukcet', 'bucket')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(nearest('Bucket', ['bucket', 'region'])).toBe('bucket');
    expect(nearest('targts', ['target', 'targets'])).toBe('targets');
    expect(nearest('xyz', ['bucket', 'region'])).toBeUndefined();
  });
});
