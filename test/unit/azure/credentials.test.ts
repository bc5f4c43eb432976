import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import { openAzure } from '../../../src/providers/azure/azure.ts';
import { credentialsOf } from '../../../src/providers/azure/credentials.ts';
import { parseSas } from '../../../src/providers/azure/sas.ts';
import { found } from '../../contract/examination.ts';
import { azureRoom, calm } from './room.ts';

const room = azureRoom();

test.each([
  ['sp=rl&sr=c&se=2027-01-01&sig=x', { scope: 'service', permissions: 'rl', expires: '2027-01-01' }],
  ['?ss=bf&srt=sco&sp=rwdlac&sig=x', { scope: 'account', permissions: 'rwdlac', services: 'bf', resourceTypes: 'sco' }],
  ['si=policy&sr=c&sig=x', undefined],
])('a signature %s says what it grants', (token, expected) => {
  const grant = parseSas(token);
  if (expected === undefined) expect(grant).toBeUndefined();
  else expect(grant).toMatchObject(expected);
  expect(JSON.stringify(grant ?? {})).not.toContain('sig');
});

test.each([
  [{ account: 'a', accountKey: 'k' }, 'account-key'],
  [{ account: 'a', sasToken: 'sp=r&sig=x' }, 'sas'],
  [{ account: 'a' }, 'identity'],
  [{ connectionString: 'AccountName=a;AccountKey=k' }, 'account-key'],
  [{ connectionString: 'UseDevelopmentStorage=true' }, 'account-key'],
  [{ connectionString: 'BlobEndpoint=https://a/;SharedAccessSignature=sp=r&sig=x' }, 'sas'],
])('how the container is reached: %j', (options, kind) => {
  expect(credentialsOf({ name: 'azure', container: 'c', ...options }).kind).toBe(kind);
});

async function examineWith(permissions: string, role: 'source' | 'target') {
  const { azurite, options } = room();
  const key = new StorageSharedKeyCredential(azurite.account, azurite.accountKey);
  const { container: containerName } = options;
  const expiresOn = new Date(Date.now() + 3_600_000);
  const grant = { containerName, permissions: ContainerSASPermissions.parse(permissions), expiresOn };
  const sasToken = generateBlobSASQueryParameters(grant, key).toString();
  const { account, endpoint } = azurite;
  const provider = await openAzure({ name: 'azure', container: containerName, account, sasToken, endpoint });
  try {
    return found((await provider.examine({ role, clock: systemClock }, calm)).answers);
  } finally {
    await provider.close();
  }
}

test('a signature that reads is told to be harmless', async () => {
  const { blobs } = room();
  await blobs.getBlockBlobClient('note').upload('note', 4);
  expect(await examineWith('rl', 'source')).toMatchObject({
    ...{ list: 'allowed', read: 'allowed', write: 'denied', 'list-buckets': 'denied' },
    ...{ 'change-settings': 'denied', 'shorten-retention': 'denied', 'delete-versions': 'denied' },
    'soft-delete': 'not-told',
  });
});

test('a signature that may not delete does the work of a target, and its canaries stay', async () => {
  expect(await examineWith('rcwl', 'target')).toMatchObject({
    ...{ list: 'allowed', read: 'allowed', write: 'allowed', overwrite: 'allowed', upload: 'allowed' },
    ...{ delete: 'denied', 'conditional-delete': 'not-told', 'list-buckets': 'denied', 'change-settings': 'denied' },
  });
});

test('a signature for immutability, or for the whole service, is told to be dangerous', async () => {
  expect(await examineWith('rxil', 'source')).toMatchObject({
    'delete-versions': 'allowed',
    'shorten-retention': 'allowed',
  });
});
