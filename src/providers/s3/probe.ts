import { randomBytes } from 'node:crypto';
import type { S3Connection } from './client.ts';
import { probeConditions, probeDelete, probePut } from './probe-put.ts';
import { probeKeys } from './probe-keys.ts';
import { probeVersioning } from './probe-versioning.ts';
import { probeUpload } from './probe-upload.ts';
import type { ServerFacts } from './facts.ts';

/**
 * Finds out what the server behind a target really does, with canaries below `.holdfast/probe/`. What it says of
 * itself is no proof: some servers take checksum headers and check nothing.
 *
 * Requests: 2 lists, the first time 12 puts of key canaries and 1 list more (later only those that a file-system
 * server keeps under other names), 3 to 7 for puts, 1 for preconditions, 7 to 15 for uploads, 1 for versioning (4 where
 * it is on), 2 deletes. On AWS 29 the first time and 16 later; nowhere more than 44.
 */
export async function probeTarget(connection: S3Connection, signal: AbortSignal): Promise<ServerFacts> {
  const { keys, ...order } = await probeKeys(connection, signal);
  const canary = `${connection.reserved}probe/${randomBytes(8).toString('hex')}`;
  try {
    const put = await probePut(connection, canary, signal);
    const conditionalPuts = await probeConditions(connection, canary, signal);
    const { conditional, ...upload } = await probeUpload(connection, canary, signal);
    const keepsReplaced = await probeVersioning(connection, canary, signal);
    // Last: where the precondition is ignored, the canary goes.
    const conditionalDeletes = await probeDelete(connection, canary, signal);
    const conditionalWrites = conditionalPuts && conditional;
    return { ...put, ...upload, ...order, keys, conditionalWrites, conditionalDeletes, keepsReplaced, probed: true };
  } finally {
    await removeCanary(connection, canary, signal);
  }
}

/** Credentials that may write and not delete are a good idea for a target: its canaries then stay. */
async function removeCanary(connection: S3Connection, key: string, signal: AbortSignal): Promise<void> {
  const { client, sdk, bucket } = connection;
  await connection
    .call({ operation: 'DeleteObject', key }, signal, (options) =>
      client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }), options),
    )
    .catch(() => undefined);
}
