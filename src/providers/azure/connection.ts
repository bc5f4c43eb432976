import type { BlobServiceClient, BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import { systemClock } from '../../objects/clock.ts';
import type { Key } from '../../objects/key.ts';
import { reservedPrefix } from '../../objects/key.ts';
import { openContainer, type Container } from './client.ts';
import { credentialsOf, type AzureCredentials } from './credentials.ts';
import { canExpressKey } from './names.ts';
import type { Attempt, Operation } from './errors.ts';
import { attempting, fail } from './errors.ts';
import type { AzureOptions } from './options.ts';

/** What every operation on one container needs. */
export interface Connection {
  readonly name: string;
  readonly container: string;
  readonly client: ContainerClient;
  readonly pageSize: number;
  readonly attempt: Attempt;
  /** Where Holdfast's own objects are: `<root>.holdfast/`. */
  readonly reserved: string;
  readonly credentials: AzureCredentials;
  /** @throws ProviderError `unsupported` when no URL names exactly this key. */
  blob(key: Key, verb: string): BlockBlobClient;
  /** See `Container`; its key is one that `canExpressKey`. */
  put: Container['put'];
  operation(verb: string, key?: Key): Operation;
  account(): BlobServiceClient;
  /** See `Container`. */
  listPage: Container['listPage'];
  close(): void;
}

/** @throws UsageError when the options cannot be used. */
export async function openConnection(options: AzureOptions): Promise<Connection> {
  const { name, container, clock = systemClock, root = '', pageSize = 5_000 } = options;
  const opened = await openContainer(options);
  const place = { provider: name, container };
  const operation = (verb: string, key?: Key): Operation => ({ ...place, verb, ...(key === undefined ? {} : { key }) });
  return {
    ...{ name, container, pageSize, operation, client: opened.client },
    attempt: attempting(place, clock),
    reserved: root + reservedPrefix,
    blob: (key, verb) => {
      if (!canExpressKey(key)) throw fail('unsupported', inexpressible, operation(verb, key));
      return opened.blob(key);
    },
    put: (key, bytes, blob) => opened.put(key, bytes, blob),
    credentials: credentialsOf(options),
    account: () => opened.account(),
    listPage: (page, signal) => opened.listPage(page, signal),
    close: () => opened.close(),
  };
}

const inexpressible =
  'Azure has no blob of such a name: it takes 1 to 1024 characters of Unicode, no backslash, no segment "." or ".."';
