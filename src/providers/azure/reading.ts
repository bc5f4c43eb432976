import type { BlobDownloadResponseParsed } from '@azure/storage-blob';
import type { Readable } from 'node:stream';
import type { Key } from '../../objects/key.ts';
import type { ObjectHead } from '../../objects/object.ts';
import { quoted } from '../etag.ts';
import { wholeSize } from '../http-answers.ts';
import type { ObjectReader, ReadOptions } from '../provider.ts';
import type { Connection } from './connection.ts';
import { fail } from './errors.ts';
import { headBlob, toHead } from './head.ts';

/**
 * The SDK's pipeline has no decompression left in it (`Pipeline.js` removes it), so bytes come as they are stored.
 * Its resuming of broken downloads is off: the caller resumes, with our clock and limits.
 */
export async function readBlob(
  connection: Connection,
  key: Key,
  { version, from = 0 }: ReadOptions,
  signal: AbortSignal,
): Promise<ObjectReader> {
  const answer = await download(connection, key, version, from, signal);
  if (answer === undefined) return beyondTheEnd(await headBlob(connection, key, signal), connection, version);
  const stream = answer.readableStreamBody as Readable;
  // A body nobody reads may break off too; an error without a listener would end the process.
  stream.on('error', () => undefined);
  try {
    const head = await toHead(connection, key, answer, wholeSize(answer, from), signal);
    return readerOf(head, bytesOf(connection, key, stream, head.size - from, signal), stream);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** Undefined when the blob ends before `from`. */
async function download(
  connection: Connection,
  key: Key,
  version: string | undefined,
  from: number,
  signal: AbortSignal,
): Promise<BlobDownloadResponseParsed | undefined> {
  const blob = connection.blob(key, 'read');
  const conditions = version === undefined ? {} : { ifMatch: quoted(version) };
  const ask = async () => {
    try {
      return await blob.download(from, undefined, { abortSignal: signal, conditions, maxRetryRequests: 0 });
    } catch (error) {
      if (from > 0 && isRangeError(error)) return undefined;
      throw error;
    }
  };
  return connection.attempt({ verb: 'read', key }, ask, signal);
}

function isRangeError(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 416;
}

async function* bytesOf(
  connection: Connection,
  key: Key,
  stream: Readable,
  expected: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  const chunks = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await connection.attempt({ verb: 'read', key }, () => chunks.next(), signal);
      if (step.done === true) break;
      const chunk = step.value as Uint8Array;
      received += chunk.length;
      yield chunk;
    }
  } finally {
    stream.destroy();
  }
  if (received === expected) return;
  throw fail('unavailable', `the body ended after ${received} of ${expected} bytes`, connection.operation('read', key));
}

function beyondTheEnd(head: ObjectHead, connection: Connection, version: string | undefined): ObjectReader {
  if (version === undefined || version === head.version) return readerOf(head, nothing(), undefined);
  throw fail('conflict', `it is not version ${version} any more`, connection.operation('read', head.key));
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function readerOf(head: ObjectHead, body: AsyncIterable<Uint8Array>, stream: Readable | undefined): ObjectReader {
  return {
    head,
    body,
    [Symbol.asyncDispose]: () => {
      stream?.destroy();
      return Promise.resolve();
    },
  };
}
