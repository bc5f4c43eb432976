import { createHash } from 'node:crypto';
import { ProviderError } from '../../objects/errors.ts';
import { descriptionKey, parseDescription, serializeDescription } from '../description.ts';
import type { Description } from '../record.ts';
import type { S3Connection } from './client.ts';
import { withHeaders } from './client.ts';

/** Repeating it is harmless: what stands under an id says the same. */
export async function writeDescription(
  connection: S3Connection,
  { id, content }: { readonly id: string; readonly content: Description },
  signal: AbortSignal,
): Promise<void> {
  const key = descriptionKey(connection.reserved, id);
  const body = serializeDescription(content);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const input = { Bucket: connection.bucket, Key: key, Body: body, ContentType: 'application/json' };
  await connection.call({ operation: 'PutObject', key }, signal, (options) =>
    connection.client.send(
      new connection.sdk.PutObjectCommand(withHeaders(input, { 'x-amz-content-sha256': sha256 })),
      options,
    ),
  );
}

/** Undefined when it is not there or not readable as one: the copy then describes nothing, which is safe. */
export async function readDescription(
  connection: S3Connection,
  id: string,
  signal: AbortSignal,
): Promise<Description | undefined> {
  const key = descriptionKey(connection.reserved, id);
  try {
    const text = await connection.call({ operation: 'GetObject', key }, signal, async (options) => {
      const input = { Bucket: connection.bucket, Key: key };
      const answer = await connection.client.send(new connection.sdk.GetObjectCommand(input), options);
      return answer.Body?.transformToString('utf8');
    });
    return parseDescription(text ?? '');
  } catch (error) {
    if (error instanceof ProviderError && error.code === 'not-found') return undefined;
    throw error;
  }
}
