import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { BlobServiceClient } from '@azure/storage-blob';
import { versionOf } from '../../src/providers/etag.ts';
import { s3Client } from './bare-source.ts';
import type { Places, S3Place } from './places.ts';
import { realKey, type Listed } from './synthetic.ts';

/** How the one object that exists is looked up at each kind of server; undefined where it does not exist. */
export type Look = (bucket: string) => Promise<Listed | undefined>;

export function lookAtS3(place: S3Place): Look {
  const client = s3Client(place);
  return async (bucket) => {
    const found = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: realKey })).catch((error: unknown) => {
      if (error instanceof Error && error.name === 'NotFound') return undefined;
      throw error;
    });
    if (found === undefined) return undefined;
    const { ContentLength: size = 0, ETag: etag = '', LastModified: at = new Date(0) } = found;
    return listed({
      size,
      version: versionOf(etag),
      md5: Buffer.from(versionOf(etag), 'hex'),
      modifiedAt: at.getTime(),
    });
  };
}

export function lookAtGcs({ endpoint }: Places['gcs']): Look {
  return async (bucket) => {
    const answer = await fetch(`${endpoint}/storage/v1/b/${bucket}/o/${encodeURIComponent(realKey)}`);
    if (answer.status === 404) return undefined;
    const { size, generation, md5Hash, updated } = (await answer.json()) as Record<string, string>;
    const md5 = Buffer.from(md5Hash ?? '', 'base64');
    return listed({ size: Number(size), version: String(generation), md5, modifiedAt: Date.parse(updated ?? '') });
  };
}

export function lookAtAzure({ connectionString }: Places['azure']): Look {
  const service = BlobServiceClient.fromConnectionString(connectionString);
  return async (container) => {
    const blob = service.getContainerClient(container).getBlobClient(realKey);
    if (!(await blob.exists())) return undefined;
    const {
      contentLength: size = 0,
      etag = '',
      contentMD5 = new Uint8Array(),
      lastModified,
    } = await blob.getProperties();
    const modifiedAt = lastModified?.getTime() ?? 0;
    return listed({ size, version: versionOf(etag), md5: Buffer.from(contentMD5), modifiedAt });
  };
}

function listed({ version, ...found }: Omit<Listed, 'key' | 'version'> & { readonly version: string }): Listed {
  return { key: realKey, ...found, version: { s3: version, gcs: version, azure: version } };
}
