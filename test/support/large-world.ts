import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { BlobServiceClient } from '@azure/storage-blob';
import { startAzurite } from './azurite.ts';
import { openDesk, type Desk } from './cli.ts';
import { startFakeGcs } from './fake-gcs/server.ts';
import { startFakeS3 } from './fake-s3/fake-s3.ts';
import { startFaultyProxy, type FaultyProxy } from './faulty-proxy.ts';
import { bytesOf } from './bytes.ts';
import { startVersitygw } from './versitygw.ts';

const bucket = 'user-data-copy';

/** A target behind a proxy that counts what is sent to it. */
export interface LargeTarget {
  readonly name: string;
  readonly settings: object;
  /** Bytes of request bodies so far, of those too that were cut off. */
  sent(): number;
  /** SHA-256 (hex) of what stands at a key, read without Holdfast. */
  sha256(key: string): Promise<string>;
}

/** One source with large files, and a target of every type. */
export interface LargeWorld extends AsyncDisposable {
  readonly desk: Desk;
  readonly targets: readonly LargeTarget[];
}

export async function openLargeWorld(limits: object): Promise<LargeWorld> {
  await using stack = new AsyncDisposableStack();
  const desk = stack.use(await openDesk());
  const targets = [await s3(stack), await gcs(stack), await azure(stack, desk)];
  const named = Object.fromEntries(targets.map(({ name, settings }) => [name, settings]));
  const disk = { type: 'filesystem', path: './disk' };
  const config = {
    catalog: 'sqlite:./catalog.db',
    providers: { primary: { type: 'filesystem', path: './source' }, disk, ...named },
    policies: [
      { name: 'docs', source: 'primary', targets: ['disk', ...targets.map(({ name }) => name)], minCopies: 1 },
    ],
    http: { listen: '127.0.0.1:0' },
    limits,
  };
  // JSON is YAML.
  await desk.write('holdfast.yaml', JSON.stringify(config));
  const kept = stack.move();
  return { desk, targets, [Symbol.asyncDispose]: async () => await kept.disposeAsync() };
}

async function proxied(stack: AsyncDisposableStack, endpoint: string): Promise<FaultyProxy> {
  const proxy = await startFaultyProxy(endpoint);
  stack.defer(async () => await proxy.stop());
  return proxy;
}

function sentThrough({ traffic }: FaultyProxy): () => number {
  return () => traffic.get('PUT')?.bytesSent ?? 0;
}

/** versitygw where this machine has it, else the fake. */
async function s3(stack: AsyncDisposableStack): Promise<LargeTarget> {
  const server = await startVersitygw();
  if (server === undefined) return await fakeS3(stack);
  stack.defer(async () => await server.stop());
  const { endpoint, accessKeyId, secretAccessKey, directory } = server;
  const access = { region: 'us-east-1', forcePathStyle: true };
  const client = new S3Client({ ...access, endpoint, credentials: { accessKeyId, secretAccessKey } });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  const proxy = await proxied(stack, endpoint);
  return {
    name: 's3',
    settings: { type: 's3', bucket, ...access, endpoint: proxy.url, credentials: { accessKeyId, secretAccessKey } },
    sent: sentThrough(proxy),
    sha256: async (key) => await sha256OfFile(join(directory, bucket, key)),
  };
}

async function fakeS3(stack: AsyncDisposableStack): Promise<LargeTarget> {
  const fake = await startFakeS3({ buckets: [bucket] });
  stack.defer(async () => await fake.stop());
  const proxy = await proxied(stack, fake.access.endpoint);
  return {
    name: 's3',
    settings: { type: 's3', bucket, ...fake.access, endpoint: proxy.url },
    sent: sentThrough(proxy),
    sha256: async (key) => sha256(fake.objects(bucket).get(key)?.bytes ?? Buffer.of()),
  };
}

/** Our own: fake-gcs-server takes the question how much of an upload it has for its end. */
async function gcs(stack: AsyncDisposableStack): Promise<LargeTarget> {
  const fake = await startFakeGcs();
  stack.defer(async () => await fake.stop());
  const headers = { 'Content-Type': 'application/json' };
  await fetch(`${fake.endpoint}/storage/v1/b?project=test`, { method: 'POST', headers, body: `{"name":"${bucket}"}` });
  const proxy = await proxied(stack, fake.endpoint);
  return {
    name: 'gcs',
    settings: { type: 'gcs', bucket, endpoint: proxy.url },
    sent: sentThrough(proxy),
    sha256: async (key) => {
      const url = `${fake.endpoint}/storage/v1/b/${bucket}/o/${encodeURIComponent(key)}?alt=media`;
      return await sha256OfChunks((await fetch(url)).body ?? []);
    },
  };
}

async function azure(stack: AsyncDisposableStack, desk: Desk): Promise<LargeTarget> {
  const server = await startAzurite({ directory: desk.at('azurite') });
  stack.defer(async () => await server.stop());
  const container = BlobServiceClient.fromConnectionString(server.connectionString).getContainerClient(bucket);
  await container.create();
  const proxy = await proxied(stack, server.endpoint);
  const { account, accountKey } = server;
  return {
    name: 'azure',
    settings: { type: 'azure', container: bucket, account, accountKey, endpoint: `${proxy.url}/${account}` },
    sent: sentThrough(proxy),
    sha256: async (key) => {
      const { readableStreamBody = [] } = await container.getBlockBlobClient(key).download();
      return await sha256OfChunks(readableStreamBody as AsyncIterable<Uint8Array>);
    },
  };
}

/** Writes a file of random bytes. @returns its SHA-256 (hex). */
export async function writeLarge(path: string, size: number, seed: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  const hash = createHash('sha256');
  await using file = await open(path, 'w');
  const block = bytesOf(1024 * 1024, seed);
  for (let at = 0; at < size; at += block.length) {
    block.writeDoubleLE(at, 0);
    const piece = block.subarray(0, Math.min(block.length, size - at));
    hash.update(piece);
    await file.writeFile(piece);
  }
  return hash.digest('hex');
}

export async function sha256OfFile(path: string): Promise<string> {
  return await sha256OfChunks(createReadStream(path) as AsyncIterable<Uint8Array>);
}

/** A lease outlives the process that held it by a minute; here that minute is over. */
export function endLeases(desk: Desk): void {
  const db = new DatabaseSync(desk.at('catalog.db'));
  db.exec('update objects set lease_until = 0 where lease_until is not null');
  db.close();
}

async function sha256OfChunks(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
