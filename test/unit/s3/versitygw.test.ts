import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Provider } from '../../../src/providers/provider.ts';
import { openS3 } from '../../../src/providers/s3/s3.ts';
import type { S3Options } from '../../../src/providers/s3/s3.ts';
import { bytesOf } from '../../support/bytes.ts';
import { calm, finish, listed, partSize, put, sendParts } from '../../support/s3-room.ts';
import { findServer } from '../../support/servers.ts';
import { startVersitygw } from '../../support/versitygw.ts';
import type { Versitygw } from '../../support/versitygw.ts';

/** A server whose keys are paths: what it does to keys that S3 takes. The contract runs against it as well. */
describe.runIf(findServer('versitygw') !== undefined)('keys on a server that keeps objects as files', () => {
  let server: Versitygw | undefined;
  let provider: Provider;
  let options: S3Options;

  beforeAll(async () => {
    server = await startVersitygw();
    if (server === undefined) throw new Error('versitygw was here a moment ago.');
    const { endpoint, accessKeyId, secretAccessKey } = server;
    const credentials = { accessKeyId, secretAccessKey };
    options = { name: 'copy', bucket: 'bucket', endpoint, forcePathStyle: true, credentials };
    const client = new S3Client({ endpoint, forcePathStyle: true, credentials, region: 'us-east-1' });
    await client.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    client.destroy();
    provider = await openS3(options);
    await provider.connect('target', calm);
  });
  afterAll(async () => {
    await provider?.close();
    await server?.stop();
  });

  test('paths are listed in the order of their bytes', async () => {
    const keys = ['p/a!', 'p/a/b', 'p/a/c d+e', 'p/a0', 'p/é', 'p/\u{1F600}'];
    for (const key of keys.toReversed()) await put(provider, key, key);
    expect(await listed(provider, 'p/')).toEqual(keys);
  });

  test.each(['a//b', 'a/../b', './a', '/a', '..', 'a/', 'n'.repeat(256), 'a\u0001'])(
    'it would store %j as another key or not at all, so it is refused and never asked for',
    async (key) => {
      const { attributes } = { attributes: { metadata: {} } };
      await expect(put(provider, key, 'x')).rejects.toMatchObject({ code: 'unsupported', key });
      await expect(provider.head(key, calm)).rejects.toMatchObject({ code: 'unsupported' });
      await expect(provider.read(key, {}, calm)).rejects.toMatchObject({ code: 'unsupported' });
      await expect(provider.startUpload(key, { size: 1, partSize, attributes }, calm)).rejects.toMatchObject({
        code: 'unsupported',
      });
    },
  );

  test('deleting a key that would be folded leaves the key it would be folded into', async () => {
    await put(provider, 'f/x', 'x');
    await provider.delete('f//x', {}, calm);
    await provider.delete('f/y/../x', {}, calm);
    expect(await listed(provider, 'f/')).toEqual(['f/x']);
  });

  test('a key and a key below it exclude each other, by name', async () => {
    await put(provider, 'e/x', 'x');
    await expect(put(provider, 'e/x/y', 'x')).rejects.toMatchObject({ code: 'unsupported' });
    await expect(put(provider, 'e', 'x')).rejects.toMatchObject({ code: 'unsupported' });
    const bytes = bytesOf(10);
    const uploading = (async () => finish(await sendParts(provider, 'e/x/z', bytes), bytes))();
    await expect(uploading).rejects.toMatchObject({ code: 'unsupported' });
    expect(await listed(provider, 'e')).toEqual(['e/x']);
  });

  test('credentials that are wrong are denied, with the reason', async () => {
    const { endpoint, accessKeyId } = server ?? { endpoint: '', accessKeyId: '' };
    const wrong = await openS3({ ...options, endpoint, credentials: { accessKeyId, secretAccessKey: 'wrong' } });
    await expect(wrong.connect('target', calm)).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringMatching(/secret access key/),
    });
    await wrong.close();
  });
});
