import { createSecretKey } from 'node:crypto';
import type { Agent } from 'node:http';
import type { BlobServiceClient, BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import { errorMessage, UsageError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { bytesOf } from '../http-answers.ts';
import { openAgent } from '../sockets.ts';
import { withoutSecrets } from './errors.ts';
import type { AzureOptions } from './options.ts';
import { Shortcut, type NewBlob, type Sign, type WrittenBlob } from './shortcut.ts';

type Sdk = typeof import('@azure/storage-blob');
type Signing = typeof import('@azure/storage-common');

/** What the SDK's own policy is given of a credential. */
type AccountKey = Parameters<Signing['storageSharedKeyCredentialPolicy']>[0];

/** One container and the connections to it. */
export interface Container {
  readonly client: ContainerClient;
  blob(key: Key): BlockBlobClient;
  /** Put Blob. */
  put(key: Key, bytes: Buffer, blob: NewBlob): Promise<WrittenBlob>;
  /** The account that the container is in, reached with the same credentials. */
  account(): BlobServiceClient;
  /** The XML of one page of a listing. */
  listPage(page: PageRequest, signal: AbortSignal): Promise<string>;
  close(): void;
}

/** What List Blobs is asked for. */
export interface PageRequest {
  readonly prefix?: string;
  readonly startFrom?: Key;
  readonly marker?: string;
  readonly maxPageSize: number;
}

/**
 * Loads the SDK and prepares the client; sends nothing.
 * @throws UsageError when the options do not name a container and credentials.
 */
export async function openContainer(options: AzureOptions): Promise<Container> {
  const [sdk, signing] = await Promise.all([import('@azure/storage-blob'), import('@azure/storage-common')]);
  // Retrying is a decorator's business, with our clock and limits.
  const pipelineOptions = { retryOptions: { maxTries: 1 }, userAgentOptions: { userAgentPrefix: 'holdfast' } };
  const client = await construct(adaptable(sdk, signing), sdk, options, pipelineOptions);
  const agent = openAgent(client.url.startsWith('https:'), { connectMs: 10_000, idleMs: 120_000, ...options.timeouts });
  client.adapt(agent);
  return {
    client,
    blob: (key) => client.getBlockBlobClient(key),
    put: async (key, bytes, blob) => await client.putBlob(key, bytes, blob),
    account: () => client.account(),
    listPage: (page, signal) => client.listPage(page, signal),
    close: () => agent.destroy(),
  };
}

/** What comes of a signature: no request was sent yet. */
const nothing = Promise.resolve(undefined as never);

/**
 * The pipeline is reached the way the SDK offers to subclasses; every client made from this one shares it. Taking out
 * the policies that do nothing here (spans, logs, forms) saves next to nothing: 0.456 to 0.445 ms of CPU per small
 * upload (measured), so they stay.
 */
function adaptable(sdk: Sdk, signing: Signing) {
  return class extends sdk.ContainerClient {
    #shortcut: Shortcut | undefined;

    adapt(agent: Agent): void {
      const { pipeline } = this.storageClientContext;
      // Azure never redirects, and a signed request must not follow anybody elsewhere.
      pipeline.removePolicy({ name: 'redirectPolicy' });
      pipeline.addPolicy(
        {
          name: 'holdfastAgentPolicy',
          sendRequest: (request, next) => {
            request.agent ??= agent;
            return next(request);
          },
        },
        // The SDK itself looks for a proxy in the environment (HTTPS_PROXY), and brings an agent of its own for it.
        { afterPolicies: ['proxyPolicy'] },
      );
      this.#teach(agent, this.#signWithMadeKey());
    }

    /**
     * Of a key given as bytes Node makes one at every signature, which takes nine times as long as signing (measured on
     * Node 24.21: 34 µs of CPU, 4 with a key that is there). @returns undefined where no account key signs.
     */
    #signWithMadeKey(): Sign | undefined {
      const { credential } = this;
      const { storageSharedKeyCredentialPolicy: policyWith, storageSharedKeyCredentialPolicyName: name } = signing;
      if (!(credential instanceof sdk.StorageSharedKeyCredential)) return undefined;
      const { accountName, accountKey } = credential as unknown as AccountKey;
      // All that is done with it is to hand it to `createHmac`.
      const made = createSecretKey(accountKey) as unknown as Buffer;
      const policy = policyWith({ accountName, accountKey: made });
      const { pipeline } = this.storageClientContext;
      if (pipeline.removePolicy({ name }).length > 0) pipeline.addPolicy(policy, { phase: 'Sign' });
      return async (request) => void (await policy.sendRequest(request as never, async () => await nothing));
    }

    #teach(agent: Agent, sign: Sign | undefined): void {
      // An identity's tokens are the SDK's business.
      if (sign === undefined && !(this.credential instanceof sdk.AnonymousCredential)) return;
      const shortcut = new Shortcut(new URL(this.url), agent, sign);
      this.#shortcut = shortcut;
      this.storageClientContext.pipeline.addPolicy(
        {
          name: 'holdfastShortcutPolicy',
          sendRequest: async (request, next) => {
            const answer = await next(request);
            if (answer.status < 300) shortcut.learn(request);
            return answer;
          },
        },
        { afterPhase: 'Sign' },
      );
    }

    async putBlob(key: Key, bytes: Buffer, blob: NewBlob): Promise<WrittenBlob> {
      if (this.#shortcut?.isKnown === true) return await this.#shortcut.put(key, bytes, blob);
      return await this.getBlockBlobClient(key).upload(bytes, bytes.length, blob);
    }

    account(): BlobServiceClient {
      const url = new URL(this.url);
      url.pathname = url.pathname.slice(0, url.pathname.lastIndexOf('/') + 1);
      return new sdk.BlobServiceClient(url.href, this.pipeline);
    }

    /**
     * The request for Arrow is the one whose answer the SDK hands on as it is, so it is made, and asks for XML: what the SDK
     * makes of XML takes 180 µs of CPU per blob, what we do 4 (measured). Refusals are read by the SDK.
     */
    async listPage(page: PageRequest, signal: AbortSignal): Promise<string> {
      const requestOptions = { customHeaders: { accept: 'application/xml' } };
      const { container } = this.storageClientContext;
      const answer = await container.listBlobFlatSegmentApacheArrow({ ...page, abortSignal: signal, requestOptions });
      if (answer.readableStreamBody === undefined) throw new Error('the answer has no body');
      const body = await bytesOf(answer.readableStreamBody as AsyncIterable<Uint8Array>);
      return body.toString('utf8');
    }
  };
}

async function construct(
  Client: ReturnType<typeof adaptable>,
  sdk: Sdk,
  options: AzureOptions,
  pipelineOptions: object,
): Promise<InstanceType<ReturnType<typeof adaptable>>> {
  const { name, container, connectionString, account, accountKey, sasToken } = options;
  try {
    if (connectionString !== undefined) return new Client(connectionString, container, pipelineOptions);
    if (account === undefined) throw new Error('set connectionString or account');
    const url = `${serviceUrl(account, options.endpoint)}/${encodeURIComponent(container)}`;
    if (accountKey !== undefined) {
      return new Client(url, new sdk.StorageSharedKeyCredential(account, accountKey), pipelineOptions);
    }
    if (sasToken !== undefined) {
      return new Client(`${url}?${sasToken.replace(/^\?/, '')}`, new sdk.AnonymousCredential(), pipelineOptions);
    }
    const { DefaultAzureCredential } = await import('@azure/identity');
    return new Client(url, new DefaultAzureCredential(), pipelineOptions);
  } catch (error) {
    // Deliberately without the cause: the SDK may quote the connection string.
    throw new UsageError(
      `provider "${name}": the Azure options cannot be used: ${withoutSecrets(errorMessage(error))}`,
    );
  }
}

function serviceUrl(account: string, endpoint: string | undefined): string {
  return (endpoint ?? `https://${account}.blob.core.windows.net`).replace(/\/+$/, '');
}
