import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import type { Key } from '../../objects/key.ts';
import { systemClock } from '../../objects/clock.ts';
import { openAgent } from '../sockets.ts';
import { translateError } from './errors.ts';
import { readListings } from './listing-reader.ts';
import type { S3Options } from './options.ts';
import { openSha256 } from './sha256.ts';
import { Shortcut, type Command, type FoundEndpoint } from './shortcut.ts';

type Sdk = typeof import('@aws-sdk/client-s3');
type HttpHandler = typeof import('@smithy/node-http-handler').NodeHttpHandler;

/** What a call is about, for messages. */
export interface CallSite {
  readonly operation: string;
  readonly key?: Key;
}

/** One open SDK client and its bucket. Every error that leaves it is a ProviderError. */
export interface S3Connection {
  readonly sdk: Sdk;
  readonly client: S3Client;
  readonly name: string;
  readonly bucket: string;
  readonly pageSize: number;
  /** `<root>.holdfast/` */
  readonly reserved: string;
  readonly call: <Output>(
    site: CallSite,
    signal: AbortSignal,
    send: (options: { readonly abortSignal: AbortSignal }) => Promise<Output>,
  ) => Promise<Output>;
  /** As `client.send`, in less time: for what is asked often. Of commands that the SDK treats like any other. */
  readonly quick: S3Client['send'];
  readonly fail: (error: unknown, site: CallSite, signal: AbortSignal) => Error;
}

export async function openConnection(options: S3Options, reserved: string): Promise<S3Connection> {
  const [sdk, { NodeHttpHandler }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@smithy/node-http-handler'),
  ]);
  const client = new sdk.S3Client(clientConfig(options, NodeHttpHandler));
  const shortcut = new Shortcut(client);
  readListings(client);
  addCallHeaders(client);
  removeIdleMiddleware(client);
  teach(client, options.bucket, shortcut);
  const translate = (error: unknown, site: CallSite, signal: AbortSignal): Error =>
    translateError(
      error,
      { ...site, provider: options.name, bucket: options.bucket },
      signal,
      options.clock ?? systemClock,
    );
  return {
    sdk,
    client,
    name: options.name,
    bucket: options.bucket,
    pageSize: options.pageSize ?? 1_000,
    reserved,
    quick: quickly(client, shortcut),
    fail: translate,
    async call(site, signal, send) {
      try {
        signal.throwIfAborted();
        return await send({ abortSignal: signal });
      } catch (error) {
        throw translate(error, site, signal);
      }
    },
  };
}

function clientConfig(options: S3Options, Handler: HttpHandler): S3ClientConfig {
  const { region, endpoint, forcePathStyle, credentials, proxyEnv } = options;
  const timeouts = { connectMs: 10_000, idleMs: 60_000, ...options.timeouts };
  // Own agents also stop the handler from opening a fresh connection for each body announced with `Expect`.
  const requestHandler = new Handler({
    httpAgent: openAgent(false, timeouts),
    httpsAgent: openAgent(true, timeouts, proxyEnv),
    // The agents see to it. The handler's own limits take two timers a request, and cut off who reads slowly.
    connectionTimeout: 0,
    socketTimeout: 0,
  });
  return {
    requestHandler,
    sha256: openSha256(),
    maxAttempts: 1,
    // The caller's checksums are sent instead; the SDK's own CRC32 breaks several servers (aws-sdk-js-v3 #6810).
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    ...regionOf(region, endpoint),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

/** Compatible servers seldom care for a region, and the SDK refuses to sign without one. */
function regionOf(region: string | undefined, endpoint: string | undefined): { region?: string } {
  if (region !== undefined) return { region };
  return endpoint === undefined ? {} : { region: 'us-east-1' };
}

type Headers = Readonly<Record<string, string>>;

/** A symbol, because the SDK's middleware copies inputs by spreading them, and serialises only names it knows. */
const callHeaders = Symbol('headers of this call');

/**
 * Headers for the one call made with this input, set before it is signed. The signer takes an
 * `x-amz-content-sha256` it finds instead of hashing the body again (@smithy/signature-v4, getPayloadHash).
 */
export function withHeaders<Input extends object>(input: Input, headers: Headers): Input {
  return { ...input, [callHeaders]: headers };
}

function addCallHeaders(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> };
      Object.assign(headers, headersOf(args.input));
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'holdfastCallHeaders' },
  );
}

function headersOf(input: object): Headers {
  return { 'user-agent': 'holdfast', ...(input as { readonly [callHeaders]?: Headers })[callHeaders] };
}

function quickly(client: S3Client, shortcut: Shortcut): S3Client['send'] {
  const send = async (command: Command, options: { readonly abortSignal: AbortSignal }): Promise<unknown> =>
    shortcut.isKnown
      ? await shortcut.send(command, headersOf(command.input), options)
      : await client.send(command as never, options);
  return send as unknown as S3Client['send'];
}

/** Tells the shortcut where a command on the bucket went that succeeded. */
function teach(client: S3Client, bucket: string, shortcut: Shortcut): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const answer = await next(args);
      const { endpointV2 } = context as unknown as { readonly endpointV2?: FoundEndpoint };
      const isOurs = (args.input as { readonly Bucket?: string }).Bucket === bucket;
      if (isOurs && endpointV2 !== undefined) await shortcut.learn(endpointV2);
      return answer;
    },
    { step: 'build', priority: 'high', name: 'holdfastShortcut' },
  );
}

/** Costs CPU on every call and brings nothing here: no logger, no Lambda, no other region, one user agent. */
function removeIdleMiddleware(client: S3Client): void {
  for (const name of [
    'loggerMiddleware',
    'recursionDetectionMiddleware',
    'regionRedirectMiddleware',
    'getUserAgentMiddleware',
    'addExpectContinueMiddleware',
  ])
    client.middlewareStack.remove(name);
}
