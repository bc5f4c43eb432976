import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { CompletedPart } from '@aws-sdk/client-s3';
import { BlobServiceClient } from '@azure/storage-blob';
import { Storage, type CRC32CValidator } from '@google-cloud/storage';
import { crc32c } from '@node-rs/crc32';
import { s3Client } from './bare-source.ts';
import type { Places, World } from './places.ts';

export interface BareTarget {
  put(key: string, bytes: Buffer): Promise<void>;
  begin(key: string, size: number): Promise<BareUpload>;
}

/** Parts come in any order, from 1. */
export interface BareUpload {
  part(number: number, bytes: Buffer): Promise<void>;
  complete(): Promise<void>;
}

/** With the checksums and retries that each SDK has switched on by itself, none of them slower than it has to be. */
export function bareTargets({ places, bucket }: Pick<World, 'places' | 'bucket'>): BareTarget[] {
  return [s3Target(places.s3, bucket), gcsTarget(places.gcs, bucket), azureTarget(places.azure, bucket)];
}

export function s3Target(place: Places['s3'], bucket: string): BareTarget {
  const client = s3Client(place);
  return {
    put: async (key, bytes) =>
      void (await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes }))),
    begin: async (key) => {
      const object = { Bucket: bucket, Key: key };
      // As @aws-sdk/lib-storage does: parts carry the checksum that the SDK adds to every request.
      const create = new CreateMultipartUploadCommand({ ...object, ChecksumAlgorithm: 'CRC32' });
      const { UploadId: id } = await client.send(create);
      const upload = { ...object, UploadId: id };
      const parts: CompletedPart[] = [];
      return {
        part: async (number, bytes) => {
          const { $metadata: _, ...done } = await client.send(
            new UploadPartCommand({ ...upload, PartNumber: number, Body: bytes }),
          );
          parts[number - 1] = { ...done, PartNumber: number };
        },
        complete: async () => {
          await client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } }));
        },
      };
    },
  };
}

function gcsTarget({ endpoint }: Places['gcs'], bucketName: string): BareTarget {
  const bucket = new Storage({ apiEndpoint: endpoint, projectId: 'bench', crc32cGenerator }).bucket(bucketName);
  return {
    put: async (key, bytes) => await bucket.file(key).save(bytes, { resumable: false }),
    // One request for the whole object: the SDK's own way, and the cheapest for server and client.
    begin: async (key, size) => {
      const stream = bucket.file(key).createWriteStream({ metadata: { contentLength: size }, resumable: true });
      const ended = Promise.withResolvers<void>();
      stream.once('finish', () => ended.resolve()).once('error', ended.reject);
      const inOrder = new InOrder();
      return await Promise.resolve({
        part: async (number, bytes) => await inOrder.run(number, async () => await written(stream, bytes)),
        complete: async () => {
          stream.end();
          await ended.promise;
        },
      });
    },
  };
}

/** The SDK's own, in JavaScript, takes most of the CPU of a large object; it lets who minds bring a native one. */
function crc32cGenerator(): CRC32CValidator {
  let sum = 0;
  const toString = (): string => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(sum);
    return bytes.toString('base64');
  };
  return { update: (data) => void (sum = crc32c(data, sum)), toString, validate: (value) => value === toString() };
}

/** A stream takes parts one after the other. */
class InOrder {
  readonly #turns: PromiseWithResolvers<void>[] = [];

  async run(number: number, work: () => Promise<void>): Promise<void> {
    if (number > 1) await this.#turn(number - 1).promise;
    await work();
    this.#turn(number).resolve();
  }

  #turn(number: number): PromiseWithResolvers<void> {
    return (this.#turns[number] ??= Promise.withResolvers<void>());
  }
}

async function written(stream: NodeJS.WritableStream, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

function azureTarget({ connectionString }: Places['azure'], container: string): BareTarget {
  const client = BlobServiceClient.fromConnectionString(connectionString).getContainerClient(container);
  return {
    put: async (key, bytes) => void (await client.getBlockBlobClient(key).upload(bytes, bytes.length)),
    begin: async (key) => {
      const blob = client.getBlockBlobClient(key);
      const ids: string[] = [];
      return await Promise.resolve({
        part: async (number, bytes) => {
          const id = Buffer.from(String(number).padStart(6, '0')).toString('base64');
          ids[number - 1] = id;
          await blob.stageBlock(id, bytes, bytes.length);
        },
        complete: async () => void (await blob.commitBlockList(ids)),
      });
    },
  };
}
