import { describe, expect, test } from 'vitest';
import { bytesOf } from '../../support/bytes.ts';
import type { Fault, Operation } from '../../support/fake-s3/fake-s3.ts';
import { calm, connectedS3Room, finish, listed, partSize, put, putOptions, sendParts } from '../../support/s3-room.ts';

const bytes = bytesOf(1_000);

describe('put', () => {
  test.each<Fault>(['flip-bit', 'truncate'])('with %s on the way is refused, and nothing is visible', async (fault) => {
    await using room = await connectedS3Room();
    room.fake.inject({ match: { keyPattern: /^x$/ }, fault });
    await expect(put(room.provider, 'x', bytes)).rejects.toMatchObject({ code: 'checksum-mismatch', key: 'x' });
    expect(await listed(room.provider)).toEqual([]);
  });

  test('to a server that stopped checking is not attested once it stops saying so', async () => {
    await using room = await connectedS3Room();
    room.fake.inject({ match: { keyPattern: /^x$/, from: 2 }, fault: 'ignore-checksums' });
    expect((await put(room.provider, 'x', bytes)).attested).toBe('crc32c');
    expect((await put(room.provider, 'x', bytes)).attested).toBeUndefined();
  });

  test('answered with another checksum than was sent is a mismatch', async () => {
    await using room = await connectedS3Room();
    const { digest, ...options } = await putOptions(bytes);
    room.fake.inject({ fault: 'echo-another-checksum' });
    const writing = room.provider.put('x', bytes, { ...options, digest }, calm);
    await expect(writing).rejects.toMatchObject({ code: 'checksum-mismatch' });
  });

  test('answered 200 with an error document is the error', async () => {
    await using room = await connectedS3Room();
    room.fake.inject({ match: { method: 'PUT' }, fault: 'ok-with-error-body' });
    await expect(put(room.provider, 'x', bytes)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('answered without an ETag is invalid: nothing would tell a later change', async () => {
    await using room = await connectedS3Room();
    room.fake.inject({ fault: 'no-etag' });
    await expect(put(room.provider, 'x', bytes)).rejects.toMatchObject({ code: 'invalid', key: 'x' });
  });

  test.each<[Fault, object]>([
    ['slow-down', { code: 'throttled', retryAfterMs: 7_000, retryable: true }],
    ['drop-connection', { code: 'unavailable', retryable: true }],
    ['lose-response', { code: 'unavailable', retryable: true }],
    [{ status: 500, code: 'InternalError' }, { code: 'unavailable' }],
    [{ status: 409, code: 'ConditionalRequestConflict' }, { code: 'conflict' }],
    [{ status: 403, code: 'ExpiredToken' }, { code: 'denied' }],
  ])('with %j', async (fault, error) => {
    await using room = await connectedS3Room();
    room.fake.inject({ match: { method: 'PUT' }, fault });
    await expect(put(room.provider, 'x', bytes)).rejects.toMatchObject(error);
  });

  test('is sent once: retrying is not its business', async () => {
    await using room = await connectedS3Room();
    room.fake.inject({ fault: { status: 503, code: 'SlowDown' } });
    await expect(put(room.provider, 'x', bytes)).rejects.toMatchObject({ code: 'throttled' });
    expect(room.fake.count()).toBe(1);
  });

  test('repeated after a lost response with a precondition is a conflict, for somebody to look at', async () => {
    await using room = await connectedS3Room();
    room.fake.inject({ match: { method: 'PUT', nth: 1 }, fault: 'lose-response' });
    await expect(put(room.provider, 'x', bytes, { absent: true })).rejects.toMatchObject({ code: 'unavailable' });
    await expect(put(room.provider, 'x', bytes, { absent: true })).rejects.toMatchObject({ code: 'conflict' });
    expect(room.fake.objects().get('x')?.bytes).toEqual(bytes);
  });

  test('a server that stalls ends with the idle timeout, and with the signal', async () => {
    await using room = await connectedS3Room({ timeouts: { idleMs: 300 } });
    room.fake.inject({ fault: 'stall' });
    await expect(put(room.provider, 'x', bytes)).rejects.toMatchObject({ code: 'unavailable' });
    const controller = new AbortController();
    const writing = room.provider.put('x', bytes, await putOptions(bytes), controller.signal);
    controller.abort();
    await expect(writing).rejects.toMatchObject({ code: 'aborted' });
  });

  test('signs with the SHA-256 it is given and hashes nothing again', async () => {
    await using room = await connectedS3Room();
    const options = await putOptions(bytes);
    await room.provider.put('x', bytes, options, calm);
    const [request] = room.fake.requests;
    expect(room.fake.count()).toBe(1);
    expect(request?.headers).toMatchObject({ 'x-amz-content-sha256': options.digest.sha256, 'user-agent': 'holdfast' });
    expect(request?.headers['authorization']).toContain('x-amz-content-sha256');
    expect(request?.headers).not.toHaveProperty('expect');
    expect(request?.headers).not.toHaveProperty('x-amz-sdk-checksum-algorithm');
  });
});

describe('upload', () => {
  const large = bytesOf(partSize + 10);

  test.each<Fault>(['flip-bit', 'truncate'])('with %s in a part is refused, and may send it again', async (fault) => {
    await using room = await connectedS3Room();
    room.fake.inject({ match: { operation: 'UploadPart', nth: 1 }, fault });
    await expect(sendParts(room.provider, 'x', bytes)).rejects.toMatchObject({ code: 'checksum-mismatch' });
    expect((await finish(await sendParts(room.provider, 'x', bytes), bytes)).attested).toBe('crc32c');
  });

  test('sends parts unsigned, with a checksum of their own', async () => {
    await using room = await connectedS3Room();
    const stored = await finish(await sendParts(room.provider, 'x', large), large);
    expect(stored).toMatchObject({ attested: 'crc32c', size: large.length });
    const parts = room.fake.requests.filter(({ operation }) => operation === 'UploadPart');
    expect(parts).toHaveLength(2);
    for (const { headers } of parts) {
      expect(headers['x-amz-content-sha256']).toBe('UNSIGNED-PAYLOAD');
      expect(headers['x-amz-checksum-crc32c']).toMatch(/^.{8}$/);
    }
  });

  test('to a server that stopped checking is not attested', async () => {
    await using room = await connectedS3Room();
    room.fake.inject({ fault: 'ignore-checksums' });
    expect((await finish(await sendParts(room.provider, 'x', bytes), bytes)).attested).toBeUndefined();
  });

  test('whose completion says nothing of the checksum asks for it', async () => {
    await using room = await connectedS3Room();
    room.fake.inject({ match: { operation: 'CompleteMultipartUpload' }, fault: 'complete-without-checksum' });
    expect((await finish(await sendParts(room.provider, 'x', bytes), bytes)).attested).toBe('crc32c');
    expect(room.fake.count('HeadObject')).toBe(1);
  });

  test.each<[Operation, Fault, string]>([
    ['CreateMultipartUpload', 'slow-down', 'throttled'],
    ['UploadPart', 'drop-connection', 'unavailable'],
    ['UploadPart', 'no-etag', 'invalid'],
    ['CompleteMultipartUpload', 'ok-with-error-body', 'unavailable'],
    ['CompleteMultipartUpload', 'no-etag', 'invalid'],
    ['CompleteMultipartUpload', { status: 409, code: 'ConditionalRequestConflict' }, 'conflict'],
  ])('%s with %j', async (operation, fault, code) => {
    await using room = await connectedS3Room();
    room.fake.inject({ match: { operation }, fault });
    const uploading = (async () => finish(await sendParts(room.provider, 'x', bytes), bytes))();
    await expect(uploading).rejects.toMatchObject({ code, key: 'x' });
  });

  test.each([undefined, { absent: true } as const])(
    'a completion whose answer was lost succeeds when repeated, precondition %j',
    async (precondition) => {
      await using room = await connectedS3Room();
      const upload = await sendParts(room.provider, 'x', bytes, precondition);
      room.fake.inject({ match: { operation: 'CompleteMultipartUpload', nth: 1 }, fault: 'lose-response' });
      await expect(finish(upload, bytes)).rejects.toMatchObject({ code: 'unavailable' });
      const stored = await finish(upload, bytes);
      expect(stored).toMatchObject({ attested: 'crc32c', version: room.fake.objects().get('x')?.etag });
    },
  );

  test('a completion whose answer was lost does not claim what another writer put there', async () => {
    await using room = await connectedS3Room();
    const upload = await sendParts(room.provider, 'x', bytes);
    room.fake.inject({ match: { operation: 'CompleteMultipartUpload', nth: 1 }, fault: 'lose-response' });
    await expect(finish(upload, bytes)).rejects.toMatchObject({ code: 'unavailable' });
    await put(room.provider, 'x', bytes);
    await expect(finish(upload, bytes)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('that somebody threw away is a conflict, and aborting it again is fine', async () => {
    await using room = await connectedS3Room();
    const upload = await sendParts(room.provider, 'x', bytes);
    room.fake.expireUploads();
    await expect(finish(upload, bytes)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/lifecycle/),
    });
    await upload.abort(calm);
    await upload.abort(calm);
  });

  test('with a part missing is not completed', async () => {
    await using room = await connectedS3Room();
    const { attributes } = await putOptions(large);
    const upload = await room.provider.startUpload('x', { size: large.length, partSize, attributes }, calm);
    await expect(finish(upload, large)).rejects.toMatchObject({ code: 'invalid' });
    expect(room.fake.count('CompleteMultipartUpload')).toBe(0);
  });

  test('that a writer overtook keeps what is there', async () => {
    await using room = await connectedS3Room();
    const upload = await sendParts(room.provider, 'x', bytes, { absent: true });
    await put(room.provider, 'x', 'first');
    await expect(finish(upload, bytes)).rejects.toMatchObject({ code: 'conflict' });
    expect(String(room.fake.objects().get('x')?.bytes)).toBe('first');
    await upload.abort(calm);
    expect(room.fake.openUploads()).toBe(0);
  });
});

describe('delete', () => {
  test('of a version looks first, because few servers do', async () => {
    await using room = await connectedS3Room();
    const { version } = await put(room.provider, 'x', 'old');
    await put(room.provider, 'x', 'new');
    room.fake.inject({ fault: 'ignore-preconditions' });
    const deleting = room.provider.delete('x', { precondition: { version } }, calm);
    await expect(deleting).rejects.toMatchObject({ code: 'conflict', key: 'x' });
    expect(room.fake.objects().has('x')).toBe(true);
  });

  test('of a version whose answer was lost may be repeated', async () => {
    await using room = await connectedS3Room();
    const { version } = await put(room.provider, 'x', 'old');
    room.fake.inject({ match: { method: 'DELETE', nth: 1 }, fault: 'lose-response' });
    const options = { precondition: { version } };
    await expect(room.provider.delete('x', options, calm)).rejects.toMatchObject({ code: 'unavailable' });
    await room.provider.delete('x', options, calm);
  });
});
