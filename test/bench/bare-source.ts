import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import type { S3Place, Source } from './places.ts';

export interface BareSource {
  list(): Promise<readonly { readonly key: string; readonly size: number }[]>;
  read(key: string): Promise<Buffer>;
  /** From `from` (inclusive) to `to` (exclusive). */
  readRange(key: string, from: number, to: number): Promise<Buffer>;
}

export function bareSource(source: Source): BareSource {
  return source.kind === 'filesystem' ? files(source.path) : bucket(source);
}

export function s3Client({ endpoint, accessKeyId, secretAccessKey }: S3Place): S3Client {
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Client({ region: 'us-east-1', endpoint, forcePathStyle: true, credentials });
}

function files(root: string): BareSource {
  return {
    list: async () => {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      return await Promise.all(
        paths.map(async (path) => ({ key: relative(root, path), size: (await stat(path)).size })),
      );
    },
    read: async (key) => await readFile(join(root, key)),
    readRange: async (key, from, to) => {
      await using file = await open(join(root, key));
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(to - from), 0, to - from, from);
      if (bytesRead !== to - from) throw new Error(`${key} ended early`);
      return buffer;
    },
  };
}

function bucket(place: Extract<Source, { kind: 's3' }>): BareSource {
  const client = s3Client(place);
  const get = async (key: string, range?: string): Promise<Buffer> => {
    const command = new GetObjectCommand({ Bucket: place.bucket, Key: key, ...(range && { Range: range }) });
    const { Body: body } = await client.send(command);
    if (body === undefined) throw new Error(`${key} has no body`);
    return Buffer.from(await body.transformToByteArray());
  };
  return {
    list: async () => {
      const pages = await Array.fromAsync(paginateListObjectsV2({ client }, { Bucket: place.bucket }));
      return pages.flatMap(({ Contents = [] }) => Contents.map(({ Key = '', Size = 0 }) => ({ key: Key, size: Size })));
    },
    read: async (key) => await get(key),
    readRange: async (key, from, to) => await get(key, `bytes=${from}-${to - 1}`),
  };
}
