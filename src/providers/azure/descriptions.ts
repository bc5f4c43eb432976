import { ProviderError } from '../../objects/errors.ts';
import { descriptionKey, parseDescription, serializeDescription } from '../description.ts';
import type { Description, NativeMetadata } from '../record.ts';
import type { Connection } from './connection.ts';

/** Repeating it is harmless: what stands under an id says the same. */
export async function writeDescription(
  connection: Connection,
  { id, content }: NonNullable<NativeMetadata['description']>,
  signal: AbortSignal,
): Promise<void> {
  const key = descriptionKey(connection.reserved, id);
  const body = serializeDescription(content);
  const options = { abortSignal: signal, blobHTTPHeaders: { blobContentType: 'application/json' } };
  const write = () => connection.blob(key, 'write').upload(body, body.length, options);
  await connection.attempt({ verb: 'write', key }, write, signal);
}

/** Undefined when it is not there or not readable as one: the copy then shows what it carries itself. */
export async function readDescription(
  connection: Connection,
  id: string,
  signal: AbortSignal,
): Promise<Description | undefined> {
  const key = descriptionKey(connection.reserved, id);
  const read = () =>
    connection.blob(key, 'read').downloadToBuffer(0, undefined, { abortSignal: signal, maxRetryRequestsPerBlock: 0 });
  try {
    return parseDescription((await connection.attempt({ verb: 'read', key }, read, signal)).toString('utf8'));
  } catch (error) {
    if (error instanceof ProviderError && error.code === 'not-found') return undefined;
    throw error;
  }
}
