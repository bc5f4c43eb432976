import { noAttributes } from '../../src/objects/object.ts';
import type { Key } from '../../src/objects/key.ts';
import type { Precondition, Provider, PutOptions, StoredCopy, Upload } from '../../src/providers/provider.ts';
import { openS3 } from '../../src/providers/s3/s3.ts';
import type { S3Options } from '../../src/providers/s3/s3.ts';
import { digestOf } from './digest.ts';
import type { FakeS3, FakeS3Options } from './fake-s3/fake-s3.ts';
import { startFakeS3 } from './fake-s3/fake-s3.ts';

/** A signal that never aborts. */
export const calm: AbortSignal = new AbortController().signal;

/** The least part AWS takes, in bytes. */
export const partSize = 5 * 1024 ** 2;

/** A fake S3 of its own and a provider that speaks to it, not yet connected. */
export interface S3Room extends AsyncDisposable {
  readonly fake: FakeS3;
  readonly provider: Provider;
}

export async function openS3Room(options: Partial<S3Options> = {}, fakeOptions: FakeS3Options = {}): Promise<S3Room> {
  const fake = await startFakeS3(fakeOptions);
  const provider = await openS3({ ...fake.access, name: 'copy', bucket: 'bucket', ...options });
  return {
    fake,
    provider,
    [Symbol.asyncDispose]: async () => {
      await provider.close();
      await fake.stop();
    },
  };
}

/** The same, connected as a target while the server is honest. */
export async function connectedS3Room(options: Partial<S3Options> = {}): Promise<S3Room> {
  const room = await openS3Room(options);
  await room.provider.connect('target', calm);
  room.fake.forgetRequests();
  return room;
}

export async function putOptions(bytes: Buffer, precondition?: Precondition): Promise<PutOptions> {
  const digest = await digestOf(bytes);
  const record = { ...{ sha256: digest.sha256, size: bytes.length }, ...source, checksums: digest };
  return { attributes: noAttributes, record, digest, ...(precondition === undefined ? {} : { precondition }) };
}

const source = { sourceVersion: 'v1', sourceModifiedAt: 1_700_000_000_000 };

export async function put(
  provider: Provider,
  key: Key,
  text: Buffer | string,
  precondition?: Precondition,
): Promise<StoredCopy> {
  const bytes = Buffer.from(text);
  return provider.put(key, bytes, await putOptions(bytes, precondition), calm);
}

/** Begins an upload and sends all its parts. */
export async function sendParts(
  provider: Provider,
  key: Key,
  bytes: Buffer,
  precondition?: Precondition,
): Promise<Upload> {
  const { attributes } = await putOptions(bytes);
  const shape = { size: bytes.length, partSize, attributes };
  const upload = await provider.startUpload(
    key,
    { ...shape, ...(precondition === undefined ? {} : { precondition }) },
    calm,
  );
  for (let offset = 0; offset < bytes.length; offset += partSize) {
    const piece = bytes.subarray(offset, offset + partSize);
    const number = offset / partSize + 1;
    await upload.part({ number, offset, bytes: piece, checksums: await digestOf(piece) }, calm);
  }
  return upload;
}

export async function finish(upload: Upload, bytes: Buffer, signal: AbortSignal = calm): Promise<StoredCopy> {
  const { digest, record } = await putOptions(bytes);
  return upload.complete(digest, record, signal);
}

export async function listed(provider: Provider, prefix = ''): Promise<Key[]> {
  const keys: Key[] = [];
  for await (const page of provider.list({ prefix }, calm)) keys.push(...page.entries.map(({ key }) => key));
  return keys;
}
