import { describe, expect, test } from 'vitest';
import { ProviderError } from '../../../src/objects/errors.ts';
import { createLogger, silentLog, type LogLevel, type LogOptions } from '../../../src/telemetry/log.ts';

function captured(options: Partial<LogOptions> & { level?: LogLevel } = {}) {
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', destination: { write: (line) => lines.push(line) }, ...options });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? 'null') as Record<string, unknown> };
}

describe('JSON lines', () => {
  test('carry level, time, message and the fields', () => {
    const { log, lines, last } = captured();
    log.warn({ policy: 'user-data', copies: 3 }, 'a target fell behind');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\n$/);
    expect(last()).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      policy: 'user-data',
      copies: 3,
      message: 'a target fell behind',
    });
  });

  test('below the level are not written', () => {
    const { log, lines } = captured({ level: 'warn' });
    log.debug({}, 'a');
    log.info({}, 'b');
    log.error({}, 'c');
    expect(lines).toHaveLength(1);
    captured({ level: 'silent' }).log.error({}, 'd');
  });

  test('of an error tell code, provider, key and causes, and not what an SDK hangs on it', () => {
    const { log, last } = captured();
    const cause = Object.assign(new Error('403'), { request: { headers: { 'x-custom': 'hush' } } });
    const error = new ProviderError('denied', 'no entry', { provider: 'aws', key: 'a//b', cause });
    log.error({ error }, 'copy failed');
    expect(last()['error']).toEqual({
      name: 'ProviderError',
      message: 'no entry',
      code: 'denied',
      provider: 'aws',
      key: 'a//b',
      cause: { name: 'Error', message: '403' },
    });
  });

  test('of a fault in the program tell the stack', () => {
    const { log, last } = captured();
    log.error({ error: new TypeError('x is not a function') }, 'unexpected');
    expect(last()['error']).toMatchObject({ stack: expect.stringContaining('log.test.ts') as string });
  });

  test('survive what JSON cannot hold', () => {
    const { log, last } = captured();
    const loop: Record<string, unknown> = {
      size: 2n ** 60n,
      bytes: Buffer.alloc(3),
      keys: new Set(['a']),
      odd: '\udcff',
    };
    loop['self'] = loop;
    log.info(loop, 'odd');
    expect(last()).toMatchObject({ size: '1152921504606846976', bytes: '3 bytes', keys: ['a'], odd: '\udcff' });
    log.info({ many: Array.from({ length: 60 }, () => 1) }, 'long');
    expect((last()['many'] as unknown[]).at(-1)).toBe('… 10 more');
  });
});

describe('secrets are never written', () => {
  const hush = 'hush-hush-value';

  test.each([
    ['secretAccessKey'],
    ['accessKeyId'],
    ['sessionToken'],
    ['accountKey'],
    ['sasToken'],
    ['connectionString'],
    ['password'],
    ['Authorization'],
    ['api_key'],
    ['credentials'],
  ])('in a field named %s, at any depth', (name) => {
    const { log, lines } = captured();
    log.info({ [name]: hush, deep: { list: [{ [name]: { inner: hush } }] } }, 'opened');
    expect(lines.join('')).not.toContain(hush);
    expect(lines.join('')).toContain('(hidden)');
  });

  test.each([
    [`DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${hush}/abc==;EndpointSuffix=x`],
    [`https://a.example/c/b?sv=2024&sig=${hush}%3D&se=1`],
    [`https://a.example/upload/b/o?uploadType=resumable&upload_id=${hush}`],
    [`https://b.example/k?X-Amz-Credential=${hush}&X-Amz-Signature=${hush}`],
    [`postgres://holdfast:${hush}@db.example/catalog`],
    [`GET failed: Authorization: Bearer ${hush}.and.more`],
  ])('in a text: %s', (text) => {
    const { log, lines } = captured();
    log.info({ at: text, error: new Error(text, { cause: new Error(text) }) }, text);
    expect(lines.join('')).not.toContain(hush);
  });

  test('by their very value, wherever it turns up', () => {
    const { log, lines } = captured({ secrets: [hush, 'a'] });
    log.info({ url: `https://x.example/${hush}`, list: [hush] }, `about ${hush}, a test`);
    expect(lines.join('')).not.toContain(hush);
    expect(lines.join('')).toContain('a test');
  });

  test('while keys, tokens that are numbers and digests stay readable', () => {
    const { log, last } = captured();
    const fields = { key: 'users/1/photo.jpg', token: 7, sha256: 'ab'.repeat(32), provider: 'disaster-site' };
    log.info(fields, 'claimed');
    expect(last()).toMatchObject(fields);
  });
});

describe('lines for people', () => {
  test('are short and name the fields', () => {
    const { log, lines } = captured({ pretty: true });
    const error = new ProviderError('throttled', 'slow down', { provider: 'aws' });
    log.warn({ policy: 'user-data', note: 'two words', error }, 'waiting');
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d WARN {2}waiting {2}policy=user-data {2}note="two words" {2}error="throttled: slow down"\n$/,
    );
  });

  test('cannot be forged by a key, nor steer the terminal', () => {
    const { log, lines } = captured({ pretty: true });
    log.info({ key: 'a\n12:00:00 ERROR all is lost' }, 'listed \u001b[2J\r\u202e');
    expect(lines[0]?.match(/[\u0000-\u001f\u202e]/g)).toEqual(['\n']);
  });
});

test('the silent log takes everything and says nothing', () => {
  expect(silentLog.error({}, 'x')).toBeUndefined();
});
