import type { Key } from '../../objects/key.ts';
import { attempt } from './attempt.ts';
import type { S3Connection } from './client.ts';
import { withHeaders } from './client.ts';
import { lastingId, requestHead } from './head.ts';
import { newCanary } from './probe-put.ts';

/**
 * Whether a canary that was overwritten can still be read by its version id. One request where the bucket keeps no
 * versions; nothing is asked of the bucket itself, for which credentials often lack the right.
 */
export async function probeVersioning(connection: S3Connection, key: Key, signal: AbortSignal): Promise<boolean> {
  const head = await attempt(requestHead(connection, key, signal), { deniedIsAnswer: true });
  if (!('accepted' in head) || lastingId(head.accepted) === undefined) return false;
  const first = newCanary();
  const id = await put(connection, key, first, signal);
  const next = await put(connection, key, newCanary(), signal);
  if (id === undefined || next === undefined || id === next) return false;
  return first.bytes.equals((await get(connection, key, id, signal)) ?? Buffer.of());
}

/** @returns the version id it was given. */
async function put(
  { client, sdk, bucket, call }: S3Connection,
  key: Key,
  { bytes, sha256 }: ReturnType<typeof newCanary>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const input = withHeaders({ Bucket: bucket, Key: key, Body: bytes }, { 'x-amz-content-sha256': sha256 });
  const answer = await call({ operation: 'PutObject', key }, signal, (options) =>
    client.send(new sdk.PutObjectCommand(input), options),
  );
  return lastingId(answer);
}

async function get(
  { client, sdk, bucket, call }: S3Connection,
  key: Key,
  id: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const getting = call({ operation: 'GetObject', key }, signal, async (options) => {
    const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key, VersionId: id }), options);
    return await Body?.transformToByteArray();
  });
  const answer = await attempt(getting, { deniedIsAnswer: true });
  return 'accepted' in answer ? answer.accepted : undefined;
}
