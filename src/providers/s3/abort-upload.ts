import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { S3Connection } from './client.ts';

export async function abortUpload(
  connection: S3Connection,
  key: Key,
  uploadId: string,
  signal: AbortSignal,
): Promise<void> {
  const { client, sdk, bucket } = connection;
  const input = { Bucket: bucket, Key: key, UploadId: uploadId };
  try {
    await connection.call({ operation: 'AbortMultipartUpload', key }, signal, (sending) =>
      client.send(new sdk.AbortMultipartUploadCommand(input), sending),
    );
  } catch (error) {
    if (!isNoSuchUpload(error)) throw error;
  }
}

export function isNoSuchUpload(error: unknown): error is ProviderError {
  return error instanceof ProviderError && error.cause instanceof Error && error.cause.name === 'NoSuchUpload';
}
