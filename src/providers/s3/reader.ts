import type { Readable } from 'node:stream';
import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { isWhole, lengthOf, rangeHeader, wholeSize, type ByteRange } from '../http-answers.ts';
import type { ObjectReader, ReadOptions } from '../provider.ts';
import type { CallSite, S3Connection } from './client.ts';
import { withHeaders } from './client.ts';
import { quoted, versionOf } from '../etag.ts';
import type { ServerFacts } from './facts.ts';
import { requestHead, requireVersion, toHead, type ObjectHeaders } from './head.ts';

export async function readObject(
  connection: S3Connection,
  facts: ServerFacts,
  key: Key,
  options: ReadOptions,
  signal: AbortSignal,
): Promise<ObjectReader> {
  const range = { from: options.from ?? 0, to: options.to };
  const answer = await requestBody(connection, key, options, range, signal);
  const body = answer?.Body as Readable | undefined;
  try {
    if (answer !== undefined) expectVersion(connection, key, answer, options.version);
    const size = answer && wholeSizeOf(connection, key, answer, range);
    const headers = await aboutWhole(connection, key, answer, options, signal);
    const head = await toHead(connection, facts, key, headers, size ?? headers.ContentLength, signal);
    const site = { operation: 'GetObject', key };
    return {
      head,
      body: bytesOf(connection, body, lengthOf(range, head.size), site, signal),
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

/** Undefined when the object ends before the range begins. */
async function requestBody(
  connection: S3Connection,
  key: Key,
  { version, versionId }: ReadOptions,
  range: ByteRange,
  signal: AbortSignal,
) {
  const { sdk, bucket } = connection;
  const input = {
    Bucket: bucket,
    Key: key,
    ...(version === undefined ? {} : { IfMatch: quoted(version) }),
    ...(versionId === undefined ? {} : { VersionId: versionId }),
    ...(isWhole(range) ? {} : { Range: rangeHeader(range) }),
  };
  // As a header, not as `ChecksumMode`: the SDK would hash the body as well, and the caller hashes it anyway.
  const headers: Record<string, string> = isWhole(range) ? { 'x-amz-checksum-mode': 'ENABLED' } : {};
  try {
    return await connection.call({ operation: 'GetObject', key }, signal, (options) =>
      connection.quick(new sdk.GetObjectCommand(withHeaders(input, headers)), options),
    );
  } catch (error) {
    if (!isWhole(range) && isRangeError(error)) return undefined;
    throw error;
  }
}

/**
 * What a HEAD says where the answer to a read says too little: there is none, or it carries a range. Its checksums are then
 * those of a part where the range is one (User Guide, "Part-level checksums"), and of some servers those of the object. So
 * they count in no range, and are asked for beside the first.
 */
async function aboutWhole(
  connection: S3Connection,
  key: Key,
  answer: SizedHeaders | undefined,
  { from = 0, to, version, versionId }: ReadOptions,
  signal: AbortSignal,
): Promise<SizedHeaders> {
  if (answer !== undefined && isWhole({ from, to })) return answer;
  if (answer !== undefined && from > 0) return { ...answer, ...noChecksums };
  const asked = await requestHead(connection, key, signal, versionId);
  expectVersion(connection, key, asked, answer === undefined ? version : versionOf(answer.ETag ?? ''));
  return asked;
}

type SizedHeaders = ObjectHeaders & { readonly ContentLength?: number | undefined };

const noChecksums = { ChecksumCRC32C: undefined, ChecksumCRC64NVME: undefined, ChecksumSHA256: undefined };

interface Answered {
  readonly ContentLength?: number | undefined;
  readonly ContentRange?: string | undefined;
}

function wholeSizeOf(
  { name, bucket }: S3Connection,
  key: Key,
  { ContentLength: contentLength, ContentRange: contentRange }: Answered,
  range: ByteRange,
): number | undefined {
  return wholeSize({ contentLength, contentRange }, range, (code, what) => {
    const message = `Reading ${JSON.stringify(key)} in bucket "${bucket}": ${what}. Check the server or a proxy in front of it`;
    return new ProviderError(code, message, { provider: name, key });
  });
}

function isRangeError(error: unknown): boolean {
  const cause = error instanceof ProviderError ? error.cause : undefined;
  return cause instanceof Error && cause.name === 'InvalidRange';
}

/** Some servers ignore `If-Match` on GET. */
function expectVersion(connection: S3Connection, key: Key, { ETag }: ObjectHeaders, wanted: string | undefined): void {
  const found = requireVersion(connection, key, ETag);
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
