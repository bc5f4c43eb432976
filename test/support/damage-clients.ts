import { glob, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CopyObjectCommand, DeleteObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ContainerClient } from '@azure/storage-blob';
import type { Bucket } from '@google-cloud/storage';
import type { Key } from '../../src/objects/key.ts';
import { canHoldKey as azureHolds } from '../../src/providers/azure/azure.ts';
import { canHoldKey as gcsHolds } from '../../src/providers/gcs/gcs.ts';
import { canHoldKey as s3Holds } from '../../src/providers/s3/s3.ts';
import { encodeKey } from '../../src/providers/key-encoding.ts';
import type { Vandal } from './damage-vandals.ts';

/** Another client of the same bucket. */
export interface OtherClient {
  readonly vandal: Vandal;
  /** The metadata that stands with an object, under the names that the server gives it. */
  metadataOf(key: Key): Promise<Readonly<Record<string, unknown>>>;
}

const red = { colour: 'red' };

export function s3Client(client: S3Client, bucket: string): OtherClient {
  const at = (key: Key) => ({ Bucket: bucket, Key: s3Holds(key) ? key : encodeKey(key) });
  const head = async (key: Key) => await client.send(new HeadObjectCommand(at(key)));
  const rewrite = async (key: Key, Metadata: Record<string, string>): Promise<void> => {
    const { Bucket, Key } = at(key);
    const CopySource = `${Bucket}/${encodeURIComponent(Key)}`;
    await client.send(new CopyObjectCommand({ Bucket, Key, CopySource, MetadataDirective: 'REPLACE', Metadata }));
  };
  return {
    metadataOf: async (key) => (await head(key)).Metadata ?? {},
    vandal: {
      write: async (key, Body) => {
        const { Metadata, ContentType } = await head(key);
        await client.send(new PutObjectCommand({ ...at(key), Body, ...{ Metadata, ContentType } }));
      },
      remove: async (key) => void (await client.send(new DeleteObjectCommand(at(key)))),
      metadata: [
        async (key) => await rewrite(key, red),
        async (key) => await rewrite(key, { ...(await head(key)).Metadata, ...red }),
      ],
    },
  };
}

export function gcsClient(bucket: Bucket): OtherClient {
  const file = (key: Key) => bucket.file(gcsHolds(key) ? key : encodeKey(key));
  const metadataOf = async (key: Key) => (await file(key).getMetadata())[0].metadata ?? {};
  return {
    metadataOf,
    vandal: {
      write: async (key, bytes) => {
        const [{ contentType, metadata }] = await file(key).getMetadata();
        await file(key).save(bytes, {
          resumable: false,
          metadata: { ...(contentType && { contentType }), ...(metadata && { metadata }) },
        });
      },
      remove: async (key) => void (await file(key).delete()),
      metadata: [
        async (key) => void (await file(key).setMetadata({ metadata: { 'holdfast-sha256': '0'.repeat(64) } })),
        async (key) => void (await file(key).setMetadata({ metadata: { ...(await metadataOf(key)), ...red } })),
      ],
    },
  };
}

export function azureClient(container: ContainerClient): OtherClient & { read(key: Key): Promise<Buffer> } {
  const blob = (key: Key) => container.getBlockBlobClient(azureHolds(key) ? key : encodeKey(key));
  const metadataOf = async (key: Key) => (await blob(key).getProperties()).metadata ?? {};
  return {
    metadataOf,
    read: async (key) => await blob(key).downloadToBuffer(),
    vandal: {
      write: async (key, bytes) => {
        const { metadata = {}, contentType } = await blob(key).getProperties();
        const blobHTTPHeaders = contentType === undefined ? {} : { blobContentType: contentType };
        await blob(key).upload(bytes, bytes.length, { metadata, blobHTTPHeaders });
      },
      remove: async (key) => void (await blob(key).delete()),
      metadata: [
        async (key) => void (await blob(key).setMetadata(red)),
        async (key) => void (await blob(key).setMetadata({ ...(await metadataOf(key)), ...red })),
        async (key) => void (await blob(key).setHTTPHeaders({ blobContentType: 'text/red' })),
      ],
    },
  };
}

/** Whoever can write to the disk below Azurite: it keeps the bytes of many blobs in one file, so that lengths stay. */
export function extentVandal(directory: string): Vandal {
  const written = new Set<string>();
  return {
    keepsSize: true,
    write: async (_, bytes, was) => {
      const before = written.size;
      for await (const path of glob(join(directory, '__blobstorage__', '*'))) {
        // Of two that are swapped, the second must not be taken for the first.
        const places = occurrences(await readFile(path), was).filter((at) => !written.has(`${path} ${at}`));
        await using extent = await open(path, 'r+');
        for (const at of places) {
          await extent.write(bytes, 0, bytes.length, at);
          written.add(`${path} ${at}`);
        }
      }
      if (written.size === before) throw new Error('no extent holds the bytes');
    },
  };
}

function occurrences(content: Buffer, bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = content.indexOf(bytes); at >= 0; at = content.indexOf(bytes, at + 1)) found.push(at);
  return found;
}
