import { systemClock } from '../../../src/objects/clock.ts';
import { expect, test } from 'vitest';
import { refused, translated } from '../../../src/providers/gcs/errors.ts';

const doing = { provider: 'gcp', bucket: 'copies', verb: 'write', key: 'a/b' };
const clock = { ...systemClock, now: () => Date.parse('2026-11-01T00:00:00Z'), sleep: () => Promise.resolve() };
const json = (message: string, reason = 'x'): string => JSON.stringify({ error: { message, errors: [{ reason }] } });

test.each([
  [400, json('Provided CRC32C "AAAA" doesn\'t match calculated CRC32C "BBBB".'), 'checksum-mismatch'],
  [400, json('Invalid argument.'), 'invalid'],
  [401, json('Invalid Credentials'), 'denied'],
  [403, json('no access', 'forbidden'), 'denied'],
  [403, json('too fast', 'userRateLimitExceeded'), 'throttled'],
  [404, 'No such object: copies/a/b', 'not-found'],
  [408, '', 'unavailable'],
  [409, json('conflict'), 'conflict'],
  [412, json('conditionNotMet'), 'conflict'],
  [413, '', 'unsupported'],
  [429, json('slow'), 'throttled'],
  [500, '<html>oops</html>', 'unavailable'],
  [503, json('backend'), 'unavailable'],
  [418, 'teapot', 'invalid'],
])('%i %s is %s', (status, text, code) => {
  const error = refused({ status, headers: {}, text }, doing, clock);
  expect(error).toMatchObject({ code, provider: 'gcp', key: 'a/b' });
  expect(error.message).toMatch(/^cannot write "a\/b" in bucket "copies": it answered \d{3}/);
});

test.each([
  ['7', 7_000],
  ['Sun, 01 Nov 2026 00:00:30 GMT', 30_000],
  ['Sun, 01 Nov 2020 00:00:30 GMT', 0],
  ['soon', undefined],
])('Retry-After: %s is %s ms', (value, ms) => {
  const error = refused({ status: 429, headers: { 'retry-after': value }, text: '' }, doing, clock);
  expect(error.retryAfterMs).toBe(ms);
});

test('whatever failed while the signal was aborted is aborted', () => {
  expect(translated(new Error('socket hang up'), doing, AbortSignal.abort()).code).toBe('aborted');
  expect(translated(new Error('socket hang up'), doing, new AbortController().signal).code).toBe('unavailable');
});
