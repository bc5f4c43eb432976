import type { Readable } from 'node:stream';
import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { wholeSize } from '../http-answers.ts';
import type { ObjectReader, ReadOptions } from '../provider.ts';
import type { CallSite, S3Connection } from './client.ts';
import { withHeaders } from './client.ts';
import { quoted } from '../etag.ts';
import type { ServerFacts } from './facts.ts';
import { requestHead, requireVersion, toHead } from './head.ts';

export async function readObject(
  connection: S3Connection,
  facts: ServerFacts,
  key: Key,
  options: ReadOptions,
  signal: AbortSignal,
): Promise<ObjectReader> {
  const from = options.from ?? 0;
  const answer = await requestBody(connection, key, { ...options, from }, signal);
  const { body, headers, size } = answer ?? (await emptyRange(connection, key, options.versionId, signal));
  try {
    expectVersion(connection, key, requireVersion(connection, key, headers.ETag), options.version);
    const head = await toHead(connection, facts, key, headers, size, signal);
    const site = { operation: 'GetObject', key };
    return {
      head,
      body: bytesOf(connection, body, Math.max(0, head.size - from), site, signal),
      [Symbol.asyncDispose]: () => {
        body?.destroy();
        return Promise.resolve();
      },
    };
  } catch (error) {
    body?.destroy();
    throw error;
  }
}

/** Undefined when the object ends before `from`. */
async function requestBody(
  connection: S3Connection,
  key: Key,
  { version, versionId, from }: { readonly version?: string; readonly versionId?: string; readonly from: number },
  signal: AbortSignal,
) {
  const { sdk, bucket } = connection;
  const input = {
    Bucket: bucket,
    Key: key,
    ...(version === undefined ? {} : { IfMatch: quoted(version) }),
    ...(versionId === undefined ? {} : { VersionId: versionId }),
    ...(from === 0 ? {} : { Range: `bytes=${from}-` }),
  };
  // As a header, not as `ChecksumMode`: the SDK would hash the body as well, and the caller hashes it anyway.
  const headers: Record<string, string> = from === 0 ? { 'x-amz-checksum-mode': 'ENABLED' } : {};
  try {
    const answer = await connection.call({ operation: 'GetObject', key }, signal, (options) =>
      connection.quick(new sdk.GetObjectCommand(withHeaders(input, headers)), options),
    );
    const size = wholeSize({ contentLength: answer.ContentLength, contentRange: answer.ContentRange }, from);
    return { body: answer.Body as Readable | undefined, headers: answer, size };
  } catch (error) {
    if (from > 0 && isRangeError(error)) return undefined;
    throw error;
  }
}

async function emptyRange(connection: S3Connection, key: Key, versionId: string | undefined, signal: AbortSignal) {
  const answer = await requestHead(connection, key, signal, versionId);
  return { body: undefined, headers: answer, size: answer.ContentLength };
}

function isRangeError(error: unknown): boolean {
  const cause = error instanceof ProviderError ? error.cause : undefined;
  return cause instanceof Error && cause.name === 'InvalidRange';
}

/** Some servers ignore `If-Match` on GET. */
function expectVersion(connection: S3Connection, key: Key, found: string, wanted: string | undefined): void {
  if (wanted === undefined || found === wanted) return;
  const message = `${JSON.stringify(key)} in bucket "${connection.bucket}" is not version ${wanted} any more: it is ${found}`;
  throw new ProviderError('conflict', message, { provider: connection.name, key });
}

async function* bytesOf(
  connection: S3Connection,
  body: Readable | undefined,
  expected: number,
  site: CallSite,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  try {
    for await (const chunk of body ?? []) {
      received += (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
  } catch (error) {
    if (isBrokenOff(error, signal)) throw endedEarly(connection, site, received, expected, error);
    throw connection.fail(error, site, signal);
  }
  if (signal.aborted) throw connection.fail(signal.reason, site, signal);
  if (received !== expected) throw endedEarly(connection, site, received, expected);
}

/** Node's word for a connection that closed before the announced length. */
function isBrokenOff(error: unknown, signal: AbortSignal): boolean {
  return !signal.aborted && error instanceof Error && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
}

function endedEarly(
  connection: S3Connection,
  { key }: CallSite,
  received: number,
  expected: number,
  cause?: unknown,
): ProviderError {
  const message = `The body of ${JSON.stringify(key)} in bucket "${connection.bucket}" ended after ${received} of ${expected} bytes`;
  return new ProviderError('unavailable', message, {
    provider: connection.name,
    ...(key === undefined ? {} : { key }),
    ...(cause === undefined ? {} : { cause }),
  });
}
