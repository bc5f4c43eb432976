import type { Digest } from '../../../src/objects/checksum.ts';
import type { ErrorCode } from '../../../src/objects/errors.ts';
import { ProviderError } from '../../../src/objects/errors.ts';
import type { CopyRecord } from '../../../src/objects/object.ts';
import { noAttributes } from '../../../src/objects/object.ts';
import type { Part, Provider, StoredCopy, UploadOptions } from '../../../src/providers/provider.ts';
import type { ExaminableProvider } from '../../../src/providers/examination.ts';
import type { GcsOptions } from '../../../src/providers/gcs/gcs.ts';
import { openGcs } from '../../../src/providers/gcs/gcs.ts';
import { digestOf } from '../digest.ts';
import type { FakeGcs } from './server.ts';
import { startFakeGcs } from './server.ts';
import type { Bucket } from './store.ts';

/** A provider on a fake of its own, with one empty bucket. */
export interface Room extends AsyncDisposable {
  readonly fake: FakeGcs;
  readonly bucket: Bucket;
  readonly provider: ExaminableProvider;
}

export const calm: AbortSignal = new AbortController().signal;

export async function openRoom(options: Partial<GcsOptions> = {}): Promise<Room> {
  const fake = await startFakeGcs();
  const bucket: Bucket = new Map();
  fake.buckets.set('copies', bucket);
  const provider = openGcs({ name: 'gcp', bucket: 'copies', endpoint: fake.endpoint, ...options });
  const close = async (): Promise<void> => {
    await provider.close();
    await fake.stop();
  };
  return { fake, bucket, provider, [Symbol.asyncDispose]: close };
}

export async function describedBytes(bytes: Buffer): Promise<{ digest: Digest; record: CopyRecord }> {
  const digest = await digestOf(bytes);
  const record = {
    sha256: digest.sha256,
    size: bytes.length,
    sourceVersion: 'v1',
    sourceModifiedAt: 1,
    checksums: digest,
  };
  return { digest, record };
}

export async function put(provider: Provider, key: string, bytes: Buffer, signal = calm): Promise<StoredCopy> {
  return provider.put(key, bytes, { attributes: noAttributes, ...(await describedBytes(bytes)) }, signal);
}

/** One chunk of Cloud Storage's smallest size. */
export const partSize = 262_144;

export function shapeOf(bytes: Buffer): UploadOptions {
  return { size: bytes.length, partSize, attributes: noAttributes };
}

export function partsOf(bytes: Buffer): Part[] {
  const count = Math.ceil(bytes.length / partSize);
  return Array.from({ length: count }, (_, index) => {
    const offset = index * partSize;
    return { number: index + 1, offset, bytes: bytes.subarray(offset, offset + partSize), checksums: {} };
  });
}

export async function readAll(provider: Provider, key: string, signal = calm): Promise<Buffer> {
  await using reader = await provider.read(key, {}, signal);
  const chunks: Uint8Array[] = [];
  for await (const chunk of reader.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function keysIn(provider: Provider, prefix = ''): Promise<string[]> {
  const pages = await Array.fromAsync(provider.list({ prefix }, calm));
  return pages.flatMap((page) => page.entries.map((entry) => entry.key));
}

/** The error a call fails with. */
export async function failure(call: Promise<unknown>, code: ErrorCode): Promise<ProviderError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ProviderError)) throw new Error(`not a ProviderError: ${String(error)}`, { cause: error });
  if (error.code !== code) throw new Error(`${error.code} instead of ${code}: ${error.message}`, { cause: error });
  return error;
}
