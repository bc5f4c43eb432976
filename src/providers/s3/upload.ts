import { randomBytes } from 'node:crypto';
import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { ResumedUpload, Upload, UploadOptions } from '../provider.ts';
import { describeLater } from '../record.ts';
import { wholeCrc32c } from './checksums.ts';
import type { S3Connection } from './client.ts';
import type { ServerFacts } from './facts.ts';
import { rules, toContentHeaders } from './metadata.ts';
import { S3Upload } from './multipart-upload.ts';
import { heldParts, parseCheckpoint } from './open-uploads.ts';

export async function startUpload(
  connection: S3Connection,
  facts: ServerFacts,
  key: Key,
  options: UploadOptions,
  signal: AbortSignal,
): Promise<Upload> {
  const { client, sdk, bucket } = connection;
  const id = randomBytes(16).toString('hex');
  const input = {
    Bucket: bucket,
    Key: key,
    Metadata: describeLater(options.attributes, id, rules),
    ...toContentHeaders(options.attributes),
    ...(facts.uploadAttestation === 'crc32c' ? wholeCrc32c : {}),
  };
  const answer = await connection.call({ operation: 'CreateMultipartUpload', key }, signal, (sending) =>
    client.send(new sdk.CreateMultipartUploadCommand(input), sending),
  );
  if (answer.UploadId === undefined || answer.UploadId === '') throw noUploadId(connection, key);
  return new S3Upload(connection, facts, { key, id, uploadId: answer.UploadId, options });
}

/** Takes up an upload of ours, with the parts that the server lists. */
export async function resumeUpload(
  connection: S3Connection,
  facts: ServerFacts,
  key: Key,
  options: UploadOptions,
  checkpoint: string,
  signal: AbortSignal,
): Promise<ResumedUpload | undefined> {
  const { uploadId, id, attestation } = parseCheckpoint(checkpoint);
  if (id === undefined || attestation !== facts.uploadAttestation) return undefined;
  const held = await heldParts(connection, { Bucket: connection.bucket, Key: key, UploadId: uploadId }, signal);
  return held === undefined ? undefined : new S3Upload(connection, facts, { key, id, uploadId, options }, held);
}

function noUploadId({ bucket, name }: S3Connection, key: Key): ProviderError {
  const message = `The server began an upload of ${JSON.stringify(key)} to bucket "${bucket}" without naming it. Check the server or a proxy in front of it`;
  return new ProviderError('invalid', message, { provider: name, key });
}
