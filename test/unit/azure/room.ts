import { BlobServiceClient } from '@azure/storage-blob';
import type { ContainerClient } from '@azure/storage-blob';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { openAzure } from '../../../src/providers/azure/azure.ts';
import type { AzureOptions } from '../../../src/providers/azure/azure.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import type { Azurite } from '../../support/azurite.ts';
import { startAzurite } from '../../support/azurite.ts';
import type { FaultyProxy } from '../../support/faulty-proxy.ts';
import { startFaultyProxy } from '../../support/faulty-proxy.ts';

/** Azurite behind a proxy, and one container reached through it. */
export interface Room {
  readonly azurite: Azurite;
  readonly proxy: FaultyProxy;
  /** Straight to Azurite, with the SDK. */
  readonly blobs: ContainerClient;
  /** The options that lead through the proxy with the account's key. */
  readonly options: AzureOptions;
  /** A provider made from `options`, not connected. */
  readonly provider: Provider;
  open(options: Partial<AzureOptions>): Promise<Provider>;
}

export const calm: AbortSignal = new AbortController().signal;

export function requestsSeen({ traffic }: FaultyProxy): number {
  return [...traffic.values()].reduce((sum, { requests }) => sum + requests, 0);
}

/** One server for the file; a new container for each case. */
export function azureRoom(): () => Room {
  let server: { readonly azurite: Azurite; readonly proxy: FaultyProxy } | undefined;
  let room: Room | undefined;
  const opened: Provider[] = [];

  beforeAll(async () => {
    const azurite = await startAzurite();
    server = { azurite, proxy: await startFaultyProxy(azurite.endpoint) };
  });
  beforeEach(async () => {
    if (server === undefined) return;
    room = await furnish(server.azurite, server.proxy, opened);
  });
  afterAll(async () => {
    for (const provider of opened) await provider.close();
    await server?.proxy.stop();
    await server?.azurite.stop();
  });
  return () => {
    if (room === undefined) throw new Error('The room is open only while its cases run.');
    return room;
  };
}

async function furnish(azurite: Azurite, proxy: FaultyProxy, opened: Provider[]): Promise<Room> {
  proxy.clear();
  const { account, accountKey } = azurite;
  const container = `c-${randomUUID()}`;
  const { containerClient: blobs } = await BlobServiceClient.fromConnectionString(
    azurite.connectionString,
  ).createContainer(container);
  const options = { name: 'azure', container, account, accountKey, endpoint: `${proxy.url}/${account}` };
  const open = async (changes: Partial<AzureOptions>): Promise<Provider> => {
    const provider = await openAzure({ ...options, ...changes });
    opened.push(provider);
    return provider;
  };
  return { azurite, proxy, blobs, options, provider: await open({}), open };
}
