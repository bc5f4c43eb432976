import { checkBody, checksumHeaders, compute, md5Hex, sentChecksum } from './checksums.ts';
import type { StoredChecksum } from './checksums.ts';
import type { Fault } from './faults.ts';
import { arriving } from './faults.ts';
import type { S3Request } from './request.ts';
import type { S3Response } from './response.ts';
import { S3Error } from './response.ts';
import type { Bucket, StoredObject } from './store.ts';
import { storedHeaders } from './store.ts';

type Faults = ReadonlySet<Fault>;

export function checksOf(faults: Faults) {
  const lies = faults.has('lie-about-checksums');
  return {
    checksums: !lies && !faults.has('ignore-checksums'),
    md5: !lies && !faults.has('ignore-md5'),
    payloadHash: !lies && !faults.has('ignore-payload-hash'),
  };
}

export async function putObject(bucket: Bucket, request: S3Request, faults: Faults): Promise<S3Response> {
  const body = arriving(request.body, faults);
  await checkBody(request.headers, body, checksOf(faults));
  const checksum = await checksumToStore(request, body, faults);
  const object: StoredObject = {
    bytes: body,
    etag: md5Hex(body),
    modifiedAt: new Date(),
    headers: storedHeaders(request.headers),
    ...(checksum === undefined ? {} : { checksum }),
  };
  // No await from here on: of racing conditional writers exactly one wins.
  expectPreconditions(bucket.objects.get(request.key), request, faults);
  bucket.objects.set(request.key, object);
  return { status: 200, headers: { etag: `"${object.etag}"`, ...checksumHeaders(checksum) } };
}

async function checksumToStore(request: S3Request, body: Buffer, faults: Faults): Promise<StoredChecksum | undefined> {
  if (faults.has('ignore-checksums')) return undefined;
  const sent = sentChecksum(request.headers);
  if (sent !== undefined) return { ...sent, type: 'FULL_OBJECT' };
  return { algorithm: 'crc64nvme', value: await compute('crc64nvme', body), type: 'FULL_OBJECT' };
}

export function getObject(bucket: Bucket, request: S3Request, faults: Faults): S3Response {
  const object = requireObject(bucket, request);
  const wanted = request.headers['if-match'];
  if (wanted !== undefined && wanted !== `"${object.etag}"` && !faults.has('ignore-preconditions'))
    throw preconditionFailed();
  const range = faults.has('ignore-range') ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers['range'] ?? '');
  if (range === null) return { status: 200, headers: headersOf(object, request), body: object.bytes };
  const shift = faults.has('shift-range') ? 1 : 0;
  const from = Number(range[1]) + shift;
  if (from >= object.bytes.length) throw new S3Error(416, 'InvalidRange', 'The requested range is not satisfiable');
  const end = object.bytes.length;
  const last = Math.min(range[2] === '' ? end : Number(range[2]) + shift, end - 1);
  const { 'x-amz-checksum-type': _, ...headers } = headersOf(object, { ...request, headers: {} });
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${from}-${last}/${end}` },
    body: object.bytes.subarray(from, last + 1),
  };
}

export function headObject(bucket: Bucket, request: S3Request): S3Response {
  const object = requireObject(bucket, request);
  return { status: 200, headers: { ...headersOf(object, request), 'content-length': String(object.bytes.length) } };
}

export function deleteObject(bucket: Bucket, request: S3Request, faults: Faults): S3Response {
  expectPreconditions(bucket.objects.get(request.key), request, faults);
  bucket.objects.delete(request.key);
  return { status: 204 };
}

function requireObject(bucket: Bucket, { key }: S3Request): StoredObject {
  const object = bucket.objects.get(key);
  if (object === undefined) throw new S3Error(404, 'NoSuchKey', 'The specified key does not exist.');
  return object;
}

function headersOf(object: StoredObject, { headers }: S3Request): Record<string, string> {
  return {
    ...object.headers,
    etag: `"${object.etag}"`,
    'last-modified': object.modifiedAt.toUTCString(),
    'accept-ranges': 'bytes',
    ...(headers['x-amz-checksum-mode'] === 'ENABLED' ? checksumHeaders(object.checksum) : {}),
  };
}

/** @throws S3Error 412, or 404 for `If-Match` on nothing, as AWS does. */
export function expectPreconditions(found: StoredObject | undefined, { headers }: S3Request, faults: Faults): void {
  if (faults.has('ignore-preconditions')) return;
  if (headers['if-none-match'] === '*' && found !== undefined) throw preconditionFailed();
  const wanted = headers['if-match'];
  if (wanted === undefined) return;
  if (found === undefined) throw new S3Error(404, 'NoSuchKey', 'The specified key does not exist.');
  if (wanted !== `"${found.etag}"`) throw preconditionFailed();
}

function preconditionFailed(): S3Error {
  return new S3Error(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
}
