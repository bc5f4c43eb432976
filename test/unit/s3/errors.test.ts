import { systemClock } from '../../../src/objects/clock.ts';
import { expect, test } from 'vitest';
import type { ErrorCode } from '../../../src/objects/errors.ts';
import { openS3 } from '../../../src/providers/s3/s3.ts';
import { calm, openS3Room, put } from '../../support/s3-room.ts';

/** [status, S3's code, ours, a word of the advice] */
const cases: readonly [number, string, ErrorCode, RegExp][] = [
  [404, 'NoSuchKey', 'not-found', /"x"/],
  [404, 'NoSuchBucket', 'not-found', /create it or correct "bucket"/],
  [403, 'AccessDenied', 'denied', /policies/],
  [403, 'InvalidAccessKeyId', 'denied', /access key id/],
  [403, 'SignatureDoesNotMatch', 'denied', /secret access key/],
  [400, 'ExpiredToken', 'denied', /expired/],
  [403, 'RequestTimeTooSkewed', 'denied', /clock/],
  [503, 'SlowDown', 'throttled', /slow down/],
  [429, 'TooManyRequests', 'throttled', /slow down/],
  [503, 'SomethingElse', 'throttled', /slow down/],
  [500, 'InternalError', 'unavailable', /PutObject/],
  [502, 'BadGateway', 'unavailable', /PutObject/],
  [400, 'RequestTimeout', 'unavailable', /PutObject/],
  [400, 'IncompleteBody', 'unavailable', /PutObject/],
  [412, 'PreconditionFailed', 'conflict', /expected/],
  [409, 'OperationAborted', 'conflict', /expected/],
  [400, 'BadDigest', 'checksum-mismatch', /damaged/],
  [400, 'XAmzContentSHA256Mismatch', 'checksum-mismatch', /damaged/],
  [400, 'KeyTooLongError', 'unsupported', /cannot hold/],
  [409, 'ObjectParentIsFile', 'unsupported', /cannot hold/],
  [409, 'ExistingObjectIsDirectory', 'unsupported', /cannot hold/],
  [400, 'EntityTooLarge', 'unsupported', /cannot hold/],
  [501, 'NotImplemented', 'unsupported', /lacks/],
  [301, 'PermanentRedirect', 'invalid', /region/],
  [400, 'MalformedXML', 'invalid', /MalformedXML/],
];

test.each(cases)('%i %s is %s', async (status, code, expected, advice) => {
  await using room = await openS3Room();
  room.fake.inject({ fault: { status, code, message: 'As the server says.' } });
  const failing = put(room.provider, 'x', 'x');
  await expect(failing).rejects.toMatchObject({
    code: expected,
    provider: 'copy',
    key: 'x',
    message: expect.stringMatching(advice),
  });
  await expect(failing).rejects.toMatchObject({ message: expect.stringContaining('bucket "bucket"') });
});

test('a date says how long to wait, by the clock that is given', async () => {
  const now = Date.parse('2026-11-22T00:00:00Z');
  await using room = await openS3Room({ clock: { ...systemClock, now: () => now, sleep: () => Promise.resolve() } });
  const headers = { 'retry-after': 'Sun, 22 Nov 2026 00:00:30 GMT' };
  room.fake.inject({ fault: { status: 503, code: 'SlowDown', headers } });
  await expect(put(room.provider, 'x', 'x')).rejects.toMatchObject({ retryAfterMs: 30_000 });
});

test('nobody listening is unavailable, and no message shows a secret', async () => {
  const credentials = { accessKeyId: 'the-id', secretAccessKey: 'the-secret', sessionToken: 'the-token' };
  const endpoint = 'http://127.0.0.1:1';
  const provider = await openS3({ name: 'copy', bucket: 'bucket', endpoint, forcePathStyle: true, credentials });
  const error: unknown = await provider.head('x', calm).catch((failure: unknown) => failure);
  await provider.close();
  expect(error).toMatchObject({ code: 'unavailable', retryable: true });
  expect(String(error)).not.toMatch(/the-secret|the-token|the-id/);
});
