import { expect, test } from 'vitest';
import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { openAzure } from '../../../src/providers/azure/azure.ts';
import { expectError, keysIn, put, readAll } from '../../contract/provider/room.ts';
import { uploadWhole } from '../../contract/provider/parts.ts';
import { bytesOf } from '../../support/bytes.ts';
import { azureRoom, calm } from './room.ts';

const room = azureRoom();

function sas(permissions: string): string {
  const { azurite, options } = room();
  const credential = new StorageSharedKeyCredential(azurite.account, azurite.accountKey);
  const grants = ContainerSASPermissions.parse(permissions);
  const until = new Date(Date.now() + 3_600_000);
  return generateBlobSASQueryParameters(
    { containerName: options.container, permissions: grants, expiresOn: until },
    credential,
  ).toString();
}

test('a SAS of the container is enough to be a target', async () => {
  const { options } = room();
  const { accountKey: _, ...rest } = options;
  for (const sasToken of [sas('racwdl'), `?${sas('racwdl')}`]) {
    const provider = await openAzure({ ...rest, sasToken });
    expect((await provider.connect('target', calm)).attests.put).toBe('md5');
    await put(provider, 'a?b#c%20d é', 'bytes');
    expect(String(await readAll(provider, 'a?b#c%20d é'))).toBe('bytes');
    expect(await keysIn(provider)).toEqual(['a?b#c%20d é']);
    const bytes = bytesOf(3_000);
    await uploadWhole(provider, 'upload', bytes, 1_024);
    expect((await readAll(provider, 'upload')).equals(bytes)).toBe(true);
    await provider.delete('upload', {}, calm);
    await provider.close();
  }
});

test('no message holds a secret', async () => {
  const { options, proxy } = room();
  const { accountKey, ...rest } = options;
  const sasToken = sas('r');
  const signature = /sig=([^&]+)/.exec(sasToken)?.[1] ?? 'none';
  const reading = await openAzure({ ...rest, sasToken });
  const wrongKey = await openAzure({ ...rest, accountKey: Buffer.from('wrong').toString('base64') });
  const errors = [
    await expectError(put(reading, 'a', 'x'), 'denied'),
    await expectError(reading.connect('target', calm), 'denied'),
    await expectError(wrongKey.connect('target', calm), 'denied'),
    await expectError(wrongKey.head('a', calm), 'denied'),
  ];
  proxy.inject({ match: {}, fault: 'drop-connection' });
  errors.push(await expectError(reading.head('a', calm), 'unavailable'));
  for (const error of errors) {
    const told = `${error.message} ${JSON.stringify(error)} ${String(error.stack)} ${JSON.stringify(error.cause ?? null)}`;
    for (const secret of [accountKey, signature, decodeURIComponent(signature)]) expect(told).not.toContain(secret);
    expect(error.message).toMatch(/container "c-[0-9a-f-]+"/);
  }
  await reading.close();
  await wrongKey.close();
});

test.each([
  [{ connectionString: 'AccountKey=c2VjcmV0;AccountName=x' }],
  [{ connectionString: 'DefaultEndpointsProtocol=https;AccountName=x;AccountKey=c2VjcmV0' }],
  [{ account: 'a', endpoint: 'not a url', accountKey: 'c2VjcmV0' }],
  [{}],
])('options that name no place or no credentials are a usage error: %j', async (options) => {
  const opening = openAzure({ name: 'azure', container: 'c', ...options });
  await expect(opening).rejects.toThrow(/provider "azure": the Azure options cannot be used/);
  await expect(opening).rejects.not.toThrow(/c2VjcmV0/);
});

test('a blob is written in one request, and a small upload in one per part and one to finish', async () => {
  const { provider, proxy } = room();
  await provider.connect('target', calm);
  proxy.resetTraffic();
  await put(provider, 'blob', 'bytes', { attributes: { contentType: 'text/plain', metadata: { owner: 'ada' } } });
  await uploadWhole(provider, 'upload', bytesOf(3_000), 1_000, { attributes: { metadata: {} } });
  expect(proxy.traffic.get('PUT')?.requests).toBe(1 + 3 + 1);
  expect([...proxy.traffic.keys()]).toEqual(['PUT']);
});

test('blobs of other kinds and of other programs are read with what they carry', async () => {
  const { provider, blobs } = room();
  await blobs.getAppendBlobClient('log').create({ metadata: { Owner: 'ada' } });
  await blobs.getAppendBlobClient('log').appendBlock('lines', 5);
  const head = await provider.head('log', calm);
  expect(head).toMatchObject({
    size: 5,
    attributes: { contentType: 'application/octet-stream', metadata: { owner: 'ada' } },
  });
  expect(head.record).toBeUndefined();
  expect(head.checksums).toBeUndefined();
  expect(String(await readAll(provider, 'log'))).toBe('lines');
});

test('an upload whose blocks another write threw away is a conflict', async () => {
  const { provider, proxy } = room();
  // Azure does so; Azurite keeps them.
  const fault = { status: 400, headers: { 'x-ms-error-code': 'InvalidBlockList' } };
  proxy.inject({ match: { path: /comp=blocklist/ }, fault });
  const error = await expectError(uploadWhole(provider, 'blob', bytesOf(3_000), 1_024), 'conflict');
  expect(error.message).toContain('Another program wrote the blob meanwhile');
});

test('a blob with snapshots is not deleted, and the error says why', async () => {
  const { provider, blobs } = room();
  await put(provider, 'blob', 'x');
  await blobs.getBlobClient('blob').createSnapshot();
  const error = await expectError(provider.delete('blob', {}, calm), 'denied');
  expect(error.message).toContain('snapshots');
  expect(String(await readAll(provider, 'blob'))).toBe('x');
});

test('a blob under a lease is not overwritten, and the error says why', async () => {
  const { provider, blobs } = room();
  await put(provider, 'blob', 'x');
  await blobs.getBlobClient('blob').getBlobLeaseClient().acquireLease(-1);
  const error = await expectError(put(provider, 'blob', 'y'), 'denied');
  expect(error.message).toContain('lease');
});

test('an empty object comes back, by put and by upload', async () => {
  const { provider } = room();
  await provider.connect('target', calm);
  expect(await put(provider, 'put', '')).toMatchObject({ size: 0, attested: 'md5' });
  await uploadWhole(provider, 'upload', Buffer.alloc(0), 1_024);
  for (const key of ['put', 'upload']) {
    expect((await readAll(provider, key)).length).toBe(0);
    expect((await readAll(provider, key, { from: 3 })).length).toBe(0);
  }
});
