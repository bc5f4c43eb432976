import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import {
  CreateBucketCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { BlobServiceClient } from '@azure/storage-blob';
import { Storage } from '@google-cloud/storage';
import { decodeKey } from '../../src/providers/key-encoding.ts';
import { startAzurite } from '../support/azurite.ts';
import { startFakeGcsServer } from '../support/fake-gcs-server.ts';
import { startVersitygw } from '../support/versitygw.ts';
import type { Version } from './content.ts';
import { lookedAt } from './side-by-side.ts';

/** A target as somebody sees it who knows nothing of Holdfast but that `.holdfast/` is its own. */
export interface Place {
  readonly name: string;
  /** For the configuration. */
  readonly settings: object;
  /** Every object with the SHA-256 of its bytes. */
  inventory(): Promise<ReadonlyMap<string, Version>>;
  /** The directory whose files are the objects, where there is one: can be looked at at any moment, at no cost. */
  readonly directory?: string;
  /** Unfinished writes that nobody goes on with. */
  leftovers(): Promise<readonly string[]>;
}

const bucket = 'copies';

/** A target of every type whose server this machine has. */
export async function openPlaces(directory: string, stack: AsyncDisposableStack): Promise<readonly Place[]> {
  const opened = [
    disk(join(directory, 'disk')),
    await s3(stack),
    await gcs(stack, join(directory, 'gcs')),
    await azure(stack, join(directory, 'azurite')),
  ];
  return opened.flatMap((place) => place ?? []);
}

function disk(directory: string): Place {
  return {
    name: 'disk',
    settings: { type: 'filesystem', path: directory },
    directory,
    inventory: async () => await filesBelow(directory),
    leftovers: async () => (await filesIn(join(directory, '.holdfast/tmp'))).map(({ key }) => key),
  };
}

async function s3(stack: AsyncDisposableStack): Promise<Place | undefined> {
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
  return {
    name: 's3',
    settings: { type: 's3', bucket, ...access, credentials },
    directory: join(server.directory, bucket),
    inventory: async () => await bytesAtS3(client),
    leftovers: async () => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      return Uploads.map(({ Key = '' }) => Key);
    },
  };
}

/** Reads everything in a bucket. */
export async function bytesAtS3(client: S3Client, Bucket = bucket): Promise<ReadonlyMap<string, Version>> {
  return await lookedAtS3(client, Bucket, async ({ Body }) => await hashed(Body as AsyncIterable<Uint8Array>));
}

/** What `look` makes of each user's object in a bucket; it reads the body. */
export async function lookedAtS3<Found>(
  client: S3Client,
  Bucket: string,
  look: (answer: GetObjectCommandOutput) => Promise<Found>,
): Promise<ReadonlyMap<string, Found>> {
  return await lookedAt(keysAtS3(client, Bucket), async (Key) => {
    const key = keyOf(Key);
    return key === undefined ? undefined : [key, await look(await client.send(new GetObjectCommand({ Bucket, Key })))];
  });
}

async function* keysAtS3(client: S3Client, Bucket: string): AsyncGenerator<string, void, undefined> {
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket }))
    for (const { Key = '' } of Contents) yield Key;
}

async function gcs(stack: AsyncDisposableStack, directory: string): Promise<Place | undefined> {
  const server = await startFakeGcsServer({ directory });
  if (server === undefined) return undefined;
  stack.defer(async () => await server.stop());
  const { endpoint } = server;
  const storage = new Storage({ apiEndpoint: endpoint, projectId: 'test', useAuthWithCustomEndpoint: false });
  await storage.createBucket(bucket);
  return {
    name: 'gcs',
    settings: { type: 'gcs', bucket, endpoint },
    inventory: async () => {
      const [files] = await storage.bucket(bucket).getFiles();
      return await lookedAt(files, async (file) => {
        const key = keyOf(file.name);
        if (key === undefined) return undefined;
        // The SDK's streams pile up listeners when many are read in turn.
        const media = `${endpoint}/download/storage/v1/b/${bucket}/o/${encodeURIComponent(file.name)}?alt=media`;
        const { ok, status, body } = await fetch(media);
        if (!ok) throw new Error(`${media} answers ${status}`);
        return [key, await hashed(body ?? Readable.from([]))];
      });
    },
    leftovers: async () => [],
  };
}

async function azure(stack: AsyncDisposableStack, directory: string): Promise<Place> {
  await mkdir(directory, { recursive: true });
  const server = await startAzurite({ directory });
  stack.defer(async () => await server.stop());
  const { connectionString } = server;
  const container = BlobServiceClient.fromConnectionString(connectionString).getContainerClient(bucket);
  await container.create();
  return {
    name: 'azure',
    settings: { type: 'azure', container: bucket, connectionString },
    inventory: async () =>
      await lookedAt(container.listBlobsFlat(), async ({ name }) => {
        const key = keyOf(name);
        if (key === undefined) return undefined;
        const { readableStreamBody } = await container.getBlobClient(name).download();
        return [key, await hashed(readableStreamBody as AsyncIterable<Uint8Array>)];
      }),
    leftovers: async () => [],
  };
}

/** The key of a user's object, also where the server cannot hold it as it is. */
function keyOf(name: string): string | undefined {
  return isUsers(name) ? name : decodeKey(name);
}

/** `.sgwtmp` is where versitygw keeps what is not visible yet. */
function isUsers(key: string | undefined): boolean {
  return key !== undefined && !/^\.(holdfast|sgwtmp)\//.test(key);
}

async function filesBelow(directory: string): Promise<ReadonlyMap<string, Version>> {
  return await lookedAt(await usersFiles(directory), async ({ key, path }) => [
    key,
    await hashed(createReadStream(path)),
  ]);
}

export interface UsersFile {
  readonly key: string;
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Files that are objects, at this moment. */
export async function usersFiles(directory: string): Promise<readonly UsersFile[]> {
  return (await filesIn(directory)).filter(({ key }) => isUsers(key));
}

async function filesIn(directory: string): Promise<readonly UsersFile[]> {
  const files: UsersFile[] = [];
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined)
      files.push({ key: relative(directory, path), path, size: found.size, mtimeMs: found.mtimeMs });
  }
  return files;
}

export async function hashed(chunks: AsyncIterable<Uint8Array>): Promise<Version> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}
