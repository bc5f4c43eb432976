import { expect, test, vi } from 'vitest';
import { noAttributes } from '../../../src/objects/object.ts';
import type { Provider, Upload } from '../../../src/providers/provider.ts';
import { finish, partsOf } from '../../contract/provider/parts.ts';
import { expectAbsent, expectError, keysIn, put, readAll } from '../../contract/provider/room.ts';
import { bytesOf } from '../../support/bytes.ts';
import { azureRoom, calm, requestsSeen } from './room.ts';

const room = azureRoom();
const body = bytesOf(50_000, 'faults');
const partSize = 20_000;

function begin(provider: Provider): Promise<Upload> {
  return provider.startUpload('blob', { size: body.length, partSize, attributes: noAttributes }, calm);
}

test('a put that arrives with a flipped bit is refused and not visible', async () => {
  const { provider, proxy } = room();
  await provider.connect('target', calm);
  proxy.inject({ match: { method: 'PUT', path: /blob/ }, fault: 'flip-bit' });
  await expectError(put(provider, 'blob', body), 'checksum-mismatch');
  await expectAbsent(provider, 'blob');
});

test('a part that arrives with a flipped bit is refused, and may be sent again', async () => {
  const { provider, proxy } = room();
  await provider.connect('target', calm);
  const upload = await begin(provider);
  const [first, ...rest] = await partsOf(body, partSize);
  proxy.inject({ match: { method: 'PUT', path: /comp=block&/, nth: 1 }, fault: 'flip-bit' });
  if (first !== undefined) {
    await expectError(upload.part(first, calm), 'checksum-mismatch');
    await expectError(finish(upload, body), 'invalid');
    await upload.part(first, calm);
  }
  for (const part of rest) await upload.part(part, calm);
  expect(await finish(upload, body)).toMatchObject({ size: body.length, attested: 'crc64nvme of every part' });
  expect((await readAll(provider, 'blob')).equals(body)).toBe(true);
});

test('nothing is attested when the answer to one part does not tell its checksum', async () => {
  const { provider, proxy } = room();
  await provider.connect('target', calm);
  const upload = await begin(provider);
  proxy.inject({ match: { path: /comp=block&/, nth: 2 }, fault: { hide: ['x-ms-content-crc64'] } });
  for (const part of await partsOf(body, partSize)) await upload.part(part, calm);
  expect((await finish(upload, body)).attested).toBeUndefined();
});

test('nothing is attested when the answer to a put does not tell its checksum', async () => {
  const { provider, proxy } = room();
  await provider.connect('target', calm);
  expect((await put(provider, 'blob', body)).attested).toBe('md5');
  proxy.inject({ match: { method: 'PUT', path: /blob/ }, fault: { hide: ['content-md5'] } });
  expect((await put(provider, 'blob', body)).attested).toBeUndefined();
});

test('a body cut short throws, with and without a version', async () => {
  const { provider, proxy } = room();
  const { version } = await put(provider, 'blob', body);
  proxy.inject({ match: { method: 'GET', path: /blob/ }, fault: 'cut-read' });
  await expectError(readAll(provider, 'blob'), 'unavailable');
  await expectError(readAll(provider, 'blob', { version, from: 5 }), 'unavailable');
});

test('a short answer that claims to be whole shows in the size of its head, or throws', async () => {
  const { provider, proxy } = room();
  await put(provider, 'blob', body);
  proxy.inject({ match: { method: 'GET', path: /blob/ }, fault: 'truncate-read' });
  await using reader = await provider.read('blob', {}, calm);
  expect(reader.head.size).toBe(body.length / 2);
  await expectError(readAll(provider, 'blob', { from: 10 }), 'unavailable');
});

test.each([
  ['without saying of which bytes', { hide: ['content-range'] }, 'unsupported'],
  ['with other bytes', { alter: 'content-range', to: 'bytes 6-10/50000' }, 'invalid'],
  ['with fewer bytes', { alter: 'content-range', to: 'bytes 5-8/50000' }, 'invalid'],
] as const)('a range that is answered %s is not taken for it', async (_, fault, code) => {
  const { provider, proxy } = room();
  await put(provider, 'blob', body);
  proxy.inject({ match: { method: 'GET', path: /blob/ }, fault });
  await expectError(readAll(provider, 'blob', { from: 5, to: 10 }), code);
});

test('a lost answer to a write is unavailable, and the write may have happened', async () => {
  const { provider, proxy } = room();
  proxy.inject({ match: { method: 'PUT', path: /blob/ }, fault: 'lose-response' });
  await expectError(put(provider, 'blob', body, { precondition: { absent: true } }), 'unavailable');
  proxy.clear();
  await expectError(put(provider, 'blob', body, { precondition: { absent: true } }), 'conflict');
  expect((await readAll(provider, 'blob')).equals(body)).toBe(true);
});

test('a dropped connection is unavailable and nothing is sent twice behind the back of the caller', async () => {
  const { provider, proxy } = room();
  proxy.inject({ match: {}, fault: 'drop-connection' });
  proxy.resetTraffic();
  await expectError(put(provider, 'blob', body), 'unavailable');
  await expectError(provider.head('blob', calm), 'unavailable');
  await expectError(readAll(provider, 'blob'), 'unavailable');
  await expectError(keysIn(provider), 'unavailable');
  await expectError(provider.delete('blob', {}, calm), 'unavailable');
  const requests = Object.fromEntries([...proxy.traffic].map(([method, count]) => [method, count.requests]));
  expect(requests).toEqual({ PUT: 1, HEAD: 1, GET: 2, DELETE: 1 });
});

test.each([
  [503, 'ServerBusy', 'throttled', 7_000],
  [503, undefined, 'throttled', 7_000],
  [429, 'TooManyRequests', 'throttled', 7_000],
  [500, 'OperationTimedOut', 'unavailable', 7_000],
  [500, 'InternalError', 'unavailable', undefined],
  [502, undefined, 'unavailable', undefined],
  [403, 'AuthorizationPermissionMismatch', 'denied', undefined],
  [409, 'BlobImmutableDueToPolicy', 'denied', undefined],
  [412, 'LeaseIdMissing', 'denied', undefined],
  [409, 'BlobArchived', 'unsupported', undefined],
  [400, 'InvalidBlockList', 'conflict', undefined],
  [400, 'OutOfRangeInput', 'unsupported', undefined],
] as const)('an answer of %i %s is %s', async (status, name, code, retryAfterMs) => {
  const { provider, proxy } = room();
  const headers = {
    ...(name === undefined ? {} : { 'x-ms-error-code': name }),
    ...(retryAfterMs === undefined ? {} : { 'retry-after': String(retryAfterMs / 1_000) }),
  };
  proxy.inject({ match: {}, fault: { status, headers } });
  for (const call of [() => put(provider, 'blob', body), () => provider.head('blob', calm)]) {
    expect(await expectError(call(), code)).toMatchObject({ key: 'blob', retryAfterMs });
  }
});

test('a server that never answers is given up when the signal aborts', async () => {
  const { provider, proxy } = room();
  proxy.inject({ match: {}, fault: 'stall' });
  proxy.resetTraffic();
  const controller = new AbortController();
  const calls = [
    put(provider, 'blob', body, { signal: controller.signal }),
    provider.head('blob', controller.signal),
    provider.read('blob', {}, controller.signal),
    provider.list({}, controller.signal)[Symbol.asyncIterator]().next(),
  ];
  const ends = Promise.all(calls.map((call) => expectError(call, 'aborted')));
  await vi.waitFor(() => expect(requestsSeen(proxy)).toBe(4));
  controller.abort();
  await ends;
});

test('a server that never answers is given up after the idle time', async () => {
  const { proxy, open } = room();
  const provider = await open({ timeouts: { idleMs: 50 } });
  proxy.inject({ match: {}, fault: 'stall' });
  const error = await expectError(provider.head('blob', calm), 'unavailable');
  expect(error.message).toContain('nothing moved for 50 ms');
});

test('a reader that was disposed of survives an abort that comes later', async () => {
  const { provider } = room();
  await put(provider, 'blob', bytesOf(4_000_000, 'large'));
  const controller = new AbortController();
  const disposed = await provider.read('blob', {}, controller.signal);
  await disposed[Symbol.asyncDispose]();
  await using unread = await provider.read('blob', {}, controller.signal);
  controller.abort();
  await expectError(unread.body[Symbol.asyncIterator]().next(), 'aborted');
});
