import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { BlobServiceClient } from '@azure/storage-blob';
import { Storage } from '@google-cloud/storage';
import PQueue from 'p-queue';
import type { Key } from '../../src/objects/key.ts';
import { startAzurite } from './azurite.ts';
import { openDesk, type Desk } from './cli.ts';
import { azureClient, extentVandal, gcsClient, s3Client } from './damage-clients.ts';
import { fileOf, fileVandal, programVandal, sidecarOf, sidecarVandal } from './damage-files.ts';
import type { Way } from './damage-plan.ts';
import type { Vandal } from './damage-vandals.ts';
import { startFakeGcsServer } from './fake-gcs-server.ts';
import { startVersitygw } from './versitygw.ts';

const bucket = 'user-data-copy';

/** A target on a real server, with everybody who can damage what it holds. */
export interface Site {
  readonly name: string;
  readonly settings: object;
  readonly vandals: Readonly<Record<Way, Vandal>>;
  /** Puts what it holds where `sha256sum` can read it. @returns the directory, and the file of each key in it. */
  laidOut(keys: Iterable<Key>): Promise<{ readonly directory: string; readonly files: ReadonlyMap<Key, string> }>;
  /** What belongs to a copy besides its bytes, as it stands there. */
  metadataOf(key: Key): Promise<Readonly<Record<string, unknown>>>;
}

/** A source and a target of every type whose server this machine has. */
export interface World extends AsyncDisposable {
  readonly desk: Desk;
  readonly sites: readonly Site[];
}

export async function openWorld(policy: object): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const desk = stack.use(await openDesk());
  const opened = [
    disk(desk.at('disk')),
    await versitygw(stack),
    await fakeGcsServer(stack, desk.at('gcs')),
    await azurite(stack, desk),
  ];
  const sites = opened.flatMap((site) => site ?? []);
  const config = {
    catalog: 'sqlite:./catalog.db',
    providers: {
      primary: { type: 'filesystem', path: './source' },
      ...Object.fromEntries(sites.map(({ name, settings }) => [name, settings])),
    },
    policies: [{ name: 'docs', source: 'primary', targets: sites.map(({ name }) => name), ...policy }],
    http: { listen: '127.0.0.1:0' },
  };
  // JSON is YAML.
  await desk.write('holdfast.yaml', JSON.stringify(config));
  const kept = stack.move();
  return { desk, sites, [Symbol.asyncDispose]: async () => await kept.disposeAsync() };
}

function disk(directory: string): Site {
  return {
    name: 'disk',
    settings: { type: 'filesystem', path: directory },
    vandals: {
      silent: { write: fileVandal(directory).write, metadata: sidecarVandal(directory) },
      loud: programVandal(directory),
    },
    laidOut: inDirectory(directory),
    metadataOf: async (key) => await sidecarContent(directory, key),
  };
}

/** Nothing, where the sidecar names another time than the file's: then it is no longer the file's. */
async function sidecarContent(directory: string, key: Key): Promise<Record<string, unknown>> {
  const content = JSON.parse(await readFile(sidecarOf(directory, key), 'utf8')) as {
    readonly mtimeNs: string;
    readonly record: { readonly sha256: string };
    readonly attributes: { readonly metadata: object };
  };
  const { mtimeNs } = await stat(await fileOf(directory, key), { bigint: true });
  if (content.mtimeNs !== String(mtimeNs)) return {};
  return { 'holdfast-sha256': content.record.sha256, ...content.attributes.metadata };
}

async function versitygw(stack: AsyncDisposableStack): Promise<Site | undefined> {
  const server = await startVersitygw();
  if (server === undefined) return undefined;
  stack.defer(async () => await server.stop());
  const { endpoint, accessKeyId, secretAccessKey } = server;
  const credentials = { accessKeyId, secretAccessKey };
  const access = { endpoint, region: 'us-east-1', forcePathStyle: true };
  // The SDK marks the credentials that it is given.
  const client = new S3Client({ ...access, credentials: { ...credentials } });
  stack.defer(() => client.destroy());
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const directory = join(server.directory, bucket);
  const { vandal, metadataOf } = s3Client(client, bucket);
  return {
    name: 's3',
    settings: { type: 's3', bucket, ...access, credentials },
    vandals: { silent: fileVandal(directory), loud: vandal },
    laidOut: inDirectory(directory),
    metadataOf,
  };
}

async function fakeGcsServer(stack: AsyncDisposableStack, root: string): Promise<Site | undefined> {
  const server = await startFakeGcsServer({ directory: root });
  if (server === undefined) return undefined;
  stack.defer(async () => await server.stop());
  const { endpoint } = server;
  const storage = new Storage({ apiEndpoint: endpoint, projectId: 'test', useAuthWithCustomEndpoint: false });
  await storage.createBucket(bucket);
  const directory = join(root, bucket);
  const { vandal, metadataOf } = gcsClient(storage.bucket(bucket));
  return {
    name: 'gcs',
    settings: { type: 'gcs', bucket, endpoint },
    vandals: { silent: fileVandal(directory), loud: vandal },
    laidOut: inDirectory(directory),
    metadataOf,
  };
}

async function azurite(stack: AsyncDisposableStack, desk: Desk): Promise<Site> {
  const directory = desk.at('azurite');
  const server = await startAzurite({ directory });
  stack.defer(async () => await server.stop());
  const { connectionString } = server;
  const container = BlobServiceClient.fromConnectionString(connectionString).getContainerClient(bucket);
  await container.create();
  const { vandal, metadataOf, read } = azureClient(container);
  return {
    name: 'azure',
    settings: { type: 'azure', container: bucket, connectionString },
    vandals: { silent: extentVandal(directory), loud: vandal },
    laidOut: async (keys) => await downloaded(keys, read, desk.at('downloaded')),
    metadataOf,
  };
}

function inDirectory(directory: string): Site['laidOut'] {
  return async (keys) => {
    const files = new Map<Key, string>();
    for (const key of keys) files.set(key, relative(directory, await fileOf(directory, key)));
    return { directory, files };
  };
}

async function downloaded(
  keys: Iterable<Key>,
  read: (key: Key) => Promise<Buffer>,
  directory: string,
): ReturnType<Site['laidOut']> {
  const files = new Map(Array.from(keys, (key) => [key, createHash('sha256').update(key).digest('hex')] as const));
  await mkdir(directory, { recursive: true });
  const queue = new PQueue({ concurrency: 16 });
  const fetched = Array.from(files, async ([key, name]) => {
    await queue.add(async () => await writeFile(join(directory, name), await read(key)));
  });
  await Promise.all(fetched);
  return { directory, files };
}

/** Writes the objects as a user would. */
export async function fill(directory: string, objects: ReadonlyMap<Key, Buffer>): Promise<void> {
  for (const [key, bytes] of objects) {
    await mkdir(dirname(join(directory, key)), { recursive: true });
    await writeFile(join(directory, key), bytes);
  }
}
