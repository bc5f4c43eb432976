import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { DeleteOptions } from '../provider.ts';
import type { S3Connection } from './client.ts';
import { quoted, versionOf } from '../etag.ts';
import { belongsToOneCopy, descriptionKey } from '../description.ts';
import { parseMetadata } from '../record.ts';
import { readDescription } from './descriptions.ts';
import { requestHead } from './head.ts';
import type { ObjectHeaders } from './head.ts';
import { rules } from './metadata.ts';

export async function deleteObject(
  connection: S3Connection,
  key: Key,
  { precondition }: DeleteOptions,
  signal: AbortSignal,
): Promise<void> {
  const { client, sdk, bucket } = connection;
  // Most compatible servers ignore `If-Match` on a delete, so the version is looked at first.
  const found = precondition && (await requireVersion(connection, key, precondition.version, signal));
  if (precondition !== undefined && found === undefined) return;
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
  if (found !== undefined) await deleteOwnDescription(connection, found, signal);
}

/**
 * What HEAD says of it. Undefined when nothing is there: a conditional delete whose answer was lost may be repeated.
 * @throws ProviderError `conflict` when another version is there.
 */
async function requireVersion(
  connection: S3Connection,
  key: Key,
  version: string,
  signal: AbortSignal,
): Promise<ObjectHeaders | undefined> {
  try {
    const headers = await requestHead(connection, key, signal);
    const found = versionOf(headers.ETag ?? '');
    if (found === version) return headers;
    const message = `${JSON.stringify(key)} in bucket "${connection.bucket}" is not version ${version} any more: it is ${found}`;
    throw new ProviderError('conflict', message, { provider: connection.name, key });
  } catch (error) {
    if (isNoKey(error)) return undefined;
    throw error;
  }
}

/** The object is gone already, so what goes wrong here leaves a small orphan and nothing else. */
async function deleteOwnDescription(
  connection: S3Connection,
  headers: ObjectHeaders,
  signal: AbortSignal,
): Promise<void> {
  const { descriptionId: id } = parseMetadata(headers.Metadata ?? {}, rules);
  if (id === undefined) return;
  const input = { Bucket: connection.bucket, Key: descriptionKey(connection.reserved, id) };
  try {
    if (!belongsToOneCopy(await readDescription(connection, id, signal))) return;
    await connection.call({ operation: 'DeleteObject', key: input.Key }, signal, (options) =>
      connection.client.send(new connection.sdk.DeleteObjectCommand(input), options),
    );
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
  }
}

function isNoKey(error: unknown): boolean {
  const isGone = error instanceof ProviderError && error.code === 'not-found';
  return isGone && !(error.cause instanceof Error && error.cause.name === 'NoSuchBucket');
}
