import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { reservedPrefix } from '../../objects/key.ts';
import type { Attributes } from '../../objects/object.ts';
import type { NativeMetadata } from '../record.ts';
import { descriptionKey } from '../record.ts';
import type { Connection } from './connection.ts';

/** Repeating it is harmless: what stands under an id says the same. */
export async function writeDescription(
  connection: Connection,
  { id, content }: NonNullable<NativeMetadata['description']>,
  signal: AbortSignal,
): Promise<void> {
  const key = locate(connection, id);
  const body = Buffer.from(JSON.stringify(content));
  const options = { abortSignal: signal, blobHTTPHeaders: { blobContentType: 'application/json' } };
  const write = () => connection.blob(key, 'write').upload(body, body.length, options);
  await connection.attempt({ verb: 'write', key }, write, signal);
}

/** Undefined when it is not there or not readable as one: the copy then shows what it carries itself. */
export async function readDescription(
  connection: Connection,
  id: string,
  signal: AbortSignal,
): Promise<Attributes | undefined> {
  const key = locate(connection, id);
  const read = () =>
    connection.blob(key, 'read').downloadToBuffer(0, undefined, { abortSignal: signal, maxRetryRequestsPerBlock: 0 });
  try {
    return parse((await connection.attempt({ verb: 'read', key }, read, signal)).toString('utf8'));
  } catch (error) {
    if (error instanceof ProviderError && error.code === 'not-found') return undefined;
    throw error;
  }
}

function locate({ reserved }: Connection, id: string): Key {
  return reserved + descriptionKey(id).slice(reservedPrefix.length);
}

function parse(text: string): Attributes | undefined {
  const attributes = field(parseJson(text), 'attributes');
  const metadata = field(attributes, 'metadata');
  const names = ['contentType', 'cacheControl', 'contentEncoding', 'contentDisposition', 'contentLanguage'];
  const headers = names
    .map((name) => [name, field(attributes, name)] as const)
    .filter(([, value]) => value !== undefined);
  if (!isTexts(metadata) || headers.some(([, value]) => typeof value !== 'string')) return undefined;
  return { ...Object.fromEntries(headers), metadata };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function isTexts(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
