import { BlobServiceClient } from '@azure/storage-blob';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { canHoldKey, openAzure } from '../../src/providers/azure/azure.ts';
import type { Azurite } from '../support/azurite.ts';
import { startAzurite } from '../support/azurite.ts';
import type { OpenedProvider } from './provider.ts';
import { describeProviderContract } from './provider.ts';

let azurite: Azurite | undefined;

beforeAll(async () => {
  azurite = await startAzurite();
});

afterAll(async () => {
  await azurite?.stop();
});

function running(): Azurite {
  if (azurite === undefined) throw new Error('Azurite is not running.');
  return azurite;
}

async function open(container: string): Promise<OpenedProvider> {
  const { connectionString } = running();
  const again = () => openAzure({ name: 'azure', container, connectionString, pageSize: 400 });
  const provider = await again();
  const blobs = BlobServiceClient.fromConnectionString(connectionString).getContainerClient(container);
  return {
    provider,
    again,
    close: async () => {
      await provider.close();
      await blobs.deleteIfExists();
    },
    tamper: {
      overwrite: async (key, bytes) => {
        await blobs.getBlockBlobClient(key).upload(bytes, bytes.length);
      },
    },
  };
}

describeProviderContract('azure, against Azurite', {
  open: async () => {
    const container = `c-${randomUUID()}`;
    await BlobServiceClient.fromConnectionString(running().connectionString).createContainer(container);
    return open(container);
  },
  openMissing: () => open(`missing-${randomUUID()}`),
  expectations: {
    refuses: (key) => !canHoldKey(key),
    // Azurite tells an MD5 back for a whole blob, and a CRC64 for a block.
    attests: { put: 'md5', upload: 'crc64nvme of every part' },
    // It sorts by UTF-16 units.
    listing: 'unordered',
    listsUploads: 'never',
    pageCrossing: 450,
    propertyRuns: 15,
  },
});
