import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { DeleteOptions } from '../provider.ts';
import type { S3Connection } from './client.ts';
import { quoted, versionOf } from '../etag.ts';
import { requestHead } from './head.ts';

export async function deleteObject(
  connection: S3Connection,
  key: Key,
  { precondition }: DeleteOptions,
  signal: AbortSignal,
): Promise<void> {
  const { client, sdk, bucket } = connection;
  // Most compatible servers ignore `If-Match` on a delete, so the version is looked at first.
  if (precondition !== undefined && !(await isVersion(connection, key, precondition.version, signal))) return;
  const input = {
    Bucket: bucket,
    Key: key,
    ...(precondition === undefined ? {} : { IfMatch: quoted(precondition.version) }),
  };
  try {
    await connection.call({ operation: 'DeleteObject', key }, signal, (options) =>
      client.send(new sdk.DeleteObjectCommand(input), options),
    );
  } catch (error) {
    if (!isNoKey(error)) throw error;
  }
}

/**
 * False when nothing is there: a conditional delete whose answer was lost may be repeated.
 * @throws ProviderError `conflict` when another version is there.
 */
async function isVersion(connection: S3Connection, key: Key, version: string, signal: AbortSignal): Promise<boolean> {
  try {
    const found = versionOf((await requestHead(connection, key, signal)).ETag ?? '');
    if (found === version) return true;
    const message = `${JSON.stringify(key)} in bucket "${connection.bucket}" is not version ${version} any more: it is ${found}`;
    throw new ProviderError('conflict', message, { provider: connection.name, key });
  } catch (error) {
    if (isNoKey(error)) return false;
    throw error;
  }
}

function isNoKey(error: unknown): boolean {
  const isGone = error instanceof ProviderError && error.code === 'not-found';
  return isGone && !(error.cause instanceof Error && error.cause.name === 'NoSuchBucket');
}
