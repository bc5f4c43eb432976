import { mkdir, open, rm, stat, utimes } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  type GetObjectCommandOutput,
  type HeadObjectCommandOutput,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { noAttributes, type Attributes } from '../../src/objects/object.ts';
import { bytesOf, type Version } from '../crash/content.ts';
import { bytesAtS3, hashed, usersFiles } from '../crash/places.ts';
import { lookedAt } from '../crash/side-by-side.ts';
import type { Versitygw } from '../support/versitygw.ts';

/** What belongs to an object besides its bytes. */
export interface Labels {
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** What the source can hold. */
  readonly attributes: Attributes;
}

/** Where the originals are, as their owner uses it. */
export interface Source {
  readonly settings: object;
  /** On the machine that Holdfast runs on. */
  readonly isLocal: boolean;
  /** @returns what the source made of it. @param name decides the bytes. */
  put(key: string, name: string, size: number, attributes: Attributes): Promise<Labels>;
  remove(key: string): Promise<void>;
  inventory(): Promise<ReadonlyMap<string, Version>>;
}

export function directorySource(directory: string): Source {
  return {
    settings: { type: 'filesystem', path: directory },
    isLocal: true,
    put: async (key, name, size) => {
      const path = join(directory, key);
      await mkdir(dirname(path), { recursive: true });
      await writeBytes(path, name, size);
      // Not now, and not whole seconds: a time that only a restore gives back.
      const time = new Date((await stat(path)).mtimeMs - 86_400_000 - (size % 1_000));
      await utimes(path, time, time);
      return { modifiedAt: await modifiedAt(path), attributes: noAttributes };
    },
    remove: async (key) => await rm(join(directory, key)),
    inventory: async () => await inventoryOf(directory),
  };
}

/** Whole milliseconds, rounded down: what records hold. */
export async function modifiedAt(path: string): Promise<number> {
  return Number((await stat(path, { bigint: true })).mtimeNs / 1_000_000n);
}

export async function inventoryOf(directory: string): Promise<ReadonlyMap<string, Version>> {
  return await lookedAt(await usersFiles(directory), async ({ key, path }) => [
    key,
    await hashed(createReadStream(path)),
  ]);
}

async function writeBytes(path: string, name: string, size: number): Promise<void> {
  await using file = await open(path, 'w');
  for (const chunk of bytesOf(name, size)) await file.write(chunk);
}

/** A bucket at a server of its own. */
export interface Bucket {
  readonly client: S3Client;
  readonly name: string;
  readonly settings: object;
  /** With all that is in it, below the server: what it held was looked at. */
  remove(): Promise<void>;
}

export async function makeBucket(server: Versitygw, name: string, stack: AsyncDisposableStack): Promise<Bucket> {
  const { endpoint, accessKeyId, secretAccessKey } = server;
  const credentials = { accessKeyId, secretAccessKey };
  const access = { endpoint, region: 'us-east-1', forcePathStyle: true };
  // The SDK marks the credentials that it is given.
  const client = new S3Client({ ...access, credentials: { ...credentials } });
  stack.defer(() => client.destroy());
  await client.send(new CreateBucketCommand({ Bucket: name }));
  return {
    ...{ client, name, settings: { type: 's3', bucket: name, ...access, credentials } },
    remove: async () => await rm(join(server.directory, name), { recursive: true }),
  };
}

export function bucketSource(bucket: Bucket): Source {
  const { client, name: Bucket, settings } = bucket;
  return {
    settings,
    isLocal: false,
    put: async (Key, name, size, attributes) => {
      const {
        contentType: ContentType,
        cacheControl: CacheControl,
        contentDisposition: ContentDisposition,
      } = attributes;
      const headers = { ContentType, CacheControl, ContentDisposition, Metadata: { ...attributes.metadata } };
      const Body = Buffer.concat([...bytesOf(name, size)]);
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ...headers }));
      return await labelsAt(bucket, Key);
    },
    remove: async (Key) => void (await client.send(new DeleteObjectCommand({ Bucket, Key }))),
    inventory: async () => await bytesAtS3(client, Bucket),
  };
}

export async function labelsAt({ client, name: Bucket }: Bucket, Key: string): Promise<Labels> {
  return labelsOf(await client.send(new HeadObjectCommand({ Bucket, Key })));
}

/** What HEAD, or GET, says of an object besides its bytes. */
export function labelsOf(answer: HeadObjectCommandOutput | GetObjectCommandOutput): Labels {
  const { ContentType, CacheControl, ContentDisposition, Metadata = {}, LastModified } = answer;
  const metadata = Object.fromEntries(Object.entries(Metadata).filter(([name]) => !name.startsWith('holdfast-')));
  return {
    modifiedAt: LastModified?.getTime() ?? 0,
    attributes: {
      ...(ContentType === undefined ? {} : { contentType: ContentType }),
      ...(CacheControl === undefined ? {} : { cacheControl: CacheControl }),
      ...(ContentDisposition === undefined ? {} : { contentDisposition: ContentDisposition }),
      metadata,
    },
  };
}
