import type { BlobDownloadResponseParsed } from '@azure/storage-blob';
import type { Readable } from 'node:stream';
import type { Key } from '../../objects/key.ts';
import type { ObjectHead } from '../../objects/object.ts';
import { quoted } from '../etag.ts';
import { isWhole, lengthOf, wholeSize, type ByteRange } from '../http-answers.ts';
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
  { version, from = 0, to }: ReadOptions,
  signal: AbortSignal,
): Promise<ObjectReader> {
  const range = { from, to };
  const answer = await download(connection, key, version, range, signal);
  if (answer === undefined) return beyondTheEnd(await headBlob(connection, key, signal), connection, version);
  const stream = answer.readableStreamBody as Readable;
  // A body nobody reads may break off too; an error without a listener would end the process.
  stream.on('error', () => undefined);
  try {
    const doing = connection.operation('read', key);
    const size = wholeSize(answer, range, (code, what) => fail(code, what, doing));
    const head = await toHead(connection, key, answer, size, signal);
    return readerOf(head, bytesOf(connection, key, stream, lengthOf(range, head.size), signal), stream);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** Undefined when the blob ends before the range begins. */
async function download(
  connection: Connection,
  key: Key,
  version: string | undefined,
  range: ByteRange,
  signal: AbortSignal,
): Promise<BlobDownloadResponseParsed | undefined> {
  const blob = connection.blob(key, 'read');
  const conditions = version === undefined ? {} : { ifMatch: quoted(version) };
  const { from, to } = range;
  const count = to === undefined ? undefined : to - from;
  const ask = async () => {
    try {
      return await blob.download(from, count, { abortSignal: signal, conditions, maxRetryRequests: 0 });
    } catch (error) {
      if (!isWhole(range) && isRangeError(error)) return undefined;
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
