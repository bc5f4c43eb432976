import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import { startAzurite } from '../support/azurite.ts';
import { startFakeGcsServer } from '../support/fake-gcs-server.ts';
import { howToInstall, type ServerName } from '../support/servers.ts';
import { startVersitygw } from '../support/versitygw.ts';
import { startFront, type Front } from './front.ts';
import { largeGcsUploads } from './gcs-uploads.ts';

export interface S3Place {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The servers that everybody copies to, as JSON that a program can be handed. */
export interface Places {
  readonly s3: S3Place;
  readonly gcs: { readonly endpoint: string };
  readonly azure: {
    readonly endpoint: string;
    readonly account: string;
    readonly accountKey: string;
    readonly connectionString: string;
  };
}

export type Source =
  { readonly kind: 'filesystem'; readonly path: string } | ({ readonly kind: 's3'; readonly bucket: string } & S3Place);

/** Where one program copies from and to. */
export interface World {
  readonly source: Source;
  readonly places: Places;
  /** The bucket or container of this name at each place. */
  readonly bucket: string;
  /** Of this run, for whatever the program needs. */
  readonly directory: string;
}

export interface RunningPlaces extends AsyncDisposable {
  /** What programs are given. */
  readonly places: Places;
  /** The servers themselves. */
  readonly behind: Places;
  /** What stands between them: before S3, GCS and Azure, or what of it was asked for. */
  readonly fronts: readonly Front[];
  /** Makes a bucket or container of this name at each place. */
  makeBuckets(name: string): Promise<void>;
}

export interface PlacesOptions {
  /** Large objects are coming, which fake-gcs-server cannot take: see `gcs-uploads.ts`. */
  readonly large?: boolean;
  /** Have fronts before all places, which count requests. */
  readonly fronted?: boolean;
}

/** Real servers, on disk. */
export async function startPlaces(directory: string, { large, fronted }: PlacesOptions = {}): Promise<RunningPlaces> {
  await using started = new AsyncDisposableStack();
  const { behind, s3Directory } = await startServers(directory, started);
  const fronts: Front[] = [];
  const front = async (endpoint: string, wanted = fronted): Promise<string> => {
    if (wanted !== true) return endpoint;
    const opened = started.use(await startFront(endpoint));
    fronts.push(opened);
    return opened.endpoint;
  };
  const s3 = await front(behind.s3.endpoint);
  const gcs = await front(behind.gcs.endpoint, fronted === true || large);
  if (large === true) fronts.at(-1)?.answers.push(largeGcsUploads());
  const azure = await front(behind.azure.endpoint);
  const connectionString = behind.azure.connectionString.replace(behind.azure.endpoint, azure);
  const places: Places = {
    s3: { ...behind.s3, endpoint: s3 },
    gcs: { endpoint: gcs },
    azure: { ...behind.azure, endpoint: azure, connectionString },
  };
  const stack = started.move();
  const makeBuckets = async (name: string): Promise<void> => await makeAll(s3Directory, behind, name);
  return { places, behind, fronts, makeBuckets, [Symbol.asyncDispose]: async () => await stack.disposeAsync() };
}

export interface RunningSource extends S3Place, AsyncDisposable {
  makeBucket(name: string): Promise<void>;
}

/** An S3 server besides the one that is copied to: nothing can be copied within it. */
export async function startSource(): Promise<RunningSource> {
  const server = required(await startVersitygw(), 'versitygw');
  const { endpoint, accessKeyId, secretAccessKey, directory } = server;
  return {
    ...{ endpoint, accessKeyId, secretAccessKey },
    makeBucket: async (name) => await makeS3Bucket(directory, name),
    [Symbol.asyncDispose]: async () => await server.stop(),
  };
}

async function startServers(
  directory: string,
  started: AsyncDisposableStack,
): Promise<{ readonly behind: Places; readonly s3Directory: string }> {
  const s3 = started.adopt(required(await startVersitygw(), 'versitygw'), stop);
  const gcsServer = await startFakeGcsServer({ directory: join(directory, 'gcs') });
  const gcs = started.adopt(required(gcsServer, 'fake-gcs-server'), stop);
  const azurite = started.adopt(await startAzurite({ directory: join(directory, 'azure') }), stop);
  const { endpoint, accessKeyId, secretAccessKey } = s3;
  const { stop: _, ...azure } = azurite;
  const behind = { s3: { endpoint, accessKeyId, secretAccessKey }, gcs: { endpoint: gcs.endpoint }, azure };
  return { behind, s3Directory: s3.directory };
}

async function makeAll(s3Directory: string, { gcs, azure }: Places, name: string): Promise<void> {
  await makeS3Bucket(s3Directory, name);
  const made = await fetch(`${gcs.endpoint}/storage/v1/b`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  if (!made.ok) throw new Error(`fake-gcs-server made no bucket: ${made.status} ${await made.text()}`);
  await BlobServiceClient.fromConnectionString(azure.connectionString).createContainer(name);
}

/** A bucket of the posix backend is a directory. */
async function makeS3Bucket(directory: string, name: string): Promise<void> {
  await mkdir(join(directory, name), { recursive: true });
}

function required<T>(server: T | undefined, name: ServerName): T {
  if (server === undefined) throw new Error(`the benchmark needs ${name}: ${howToInstall(name)}`);
  return server;
}

async function stop(server: { stop(): Promise<void> }): Promise<void> {
  await server.stop();
}
