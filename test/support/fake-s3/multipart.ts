import { createHash, randomUUID } from 'node:crypto';
import { checkBody, checksumElement, checksumHeaders, compute, md5Hex, sentChecksum } from './checksums.ts';
import type { Algorithm, StoredChecksum } from './checksums.ts';
import type { Fault } from './faults.ts';
import { arriving } from './faults.ts';
import { checksOf, expectPreconditions } from './objects.ts';
import type { S3Request } from './request.ts';
import { element, S3Error, xml } from './response.ts';
import type { S3Response } from './response.ts';
import type { Bucket, StoredObject, StoredPart, StoredUpload } from './store.ts';
import { storedHeaders } from './store.ts';

type Faults = ReadonlySet<Fault>;

export function createUpload(bucket: Bucket, request: S3Request, faults: Faults): S3Response {
  const id = randomUUID();
  const algorithm = request.headers['x-amz-checksum-algorithm']?.toLowerCase() as Algorithm | undefined;
  const type = request.headers['x-amz-checksum-type'] === 'FULL_OBJECT' ? 'FULL_OBJECT' : 'COMPOSITE';
  const checked = algorithm !== undefined && !faults.has('ignore-checksums');
  bucket.uploads.set(id, {
    key: request.key,
    startedAt: new Date(),
    headers: storedHeaders(request.headers),
    ...(checked ? { checksum: { algorithm, type } } : {}),
    parts: new Map(),
  });
  return xml('InitiateMultipartUploadResult', element('Key', request.key) + element('UploadId', id));
}

export async function uploadPart(bucket: Bucket, request: S3Request, faults: Faults): Promise<S3Response> {
  const upload = requireUpload(bucket, request);
  const body = arriving(request.body, faults);
  await checkBody(request.headers, body, checksOf(faults));
  const sent = faults.has('ignore-checksums') ? undefined : sentChecksum(request.headers);
  const part = { bytes: body, etag: md5Hex(body), ...(sent === undefined ? {} : { checksum: sent }) };
  upload.parts.set(Number(request.query.get('partNumber')), part);
  const { 'x-amz-checksum-type': _, ...echo } = checksumHeaders(sent && { ...sent, type: 'FULL_OBJECT' });
  return { status: 200, headers: { etag: `"${part.etag}"`, ...echo } };
}

export async function completeUpload(
  bucket: Bucket,
  request: S3Request,
  faults: Faults,
  minPartSize: number,
): Promise<S3Response> {
  const upload = requireUpload(bucket, request);
  const parts = await listedParts(upload, request, faults, minPartSize);
  const bytes = Buffer.concat(parts.map((part) => part.bytes));
  expectSize(request, bytes);
  const checksum = await wholeChecksum(upload, request, bytes, faults);
  const object: StoredObject = {
    bytes,
    etag: compositeEtag(parts),
    modifiedAt: new Date(),
    headers: upload.headers,
    ...(checksum === undefined ? {} : { checksum }),
  };
  // No await from here on, as in putObject. A failed precondition leaves the upload as it is.
  requireUpload(bucket, request);
  expectPreconditions(bucket.objects.get(request.key), request, faults);
  bucket.objects.set(request.key, object);
  bucket.uploads.delete(request.query.get('uploadId') ?? '');
  return xml('CompleteMultipartUploadResult', completed(request.key, object));
}

export function abortUpload(bucket: Bucket, request: S3Request): S3Response {
  requireUpload(bucket, request);
  bucket.uploads.delete(request.query.get('uploadId') ?? '');
  return { status: 204 };
}

export function requireUpload(bucket: Bucket, { query, key }: S3Request): StoredUpload {
  const upload = bucket.uploads.get(query.get('uploadId') ?? '');
  if (upload === undefined || upload.key !== key) {
    throw new S3Error(404, 'NoSuchUpload', 'The specified multipart upload does not exist.');
  }
  return upload;
}

async function listedParts(
  upload: StoredUpload,
  { body }: S3Request,
  faults: Faults,
  minPartSize: number,
): Promise<StoredPart[]> {
  const listed = [...body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => part);
  if (listed.length === 0) throw new S3Error(400, 'MalformedXML', 'The XML you provided was not well-formed');
  const parts: StoredPart[] = [];
  let last = 0;
  for (const [index, xmlPart] of listed.entries()) {
    const number = Number(tag(xmlPart, 'PartNumber'));
    if (number <= last) throw new S3Error(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.');
    last = number;
    const part = upload.parts.get(number);
    if (part === undefined || tag(xmlPart, 'ETag')?.replaceAll(/&quot;|"/g, '') !== part.etag) throw invalidPart();
    if (index < listed.length - 1 && part.bytes.length < minPartSize) {
      throw new S3Error(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size');
    }
    await expectPartChecksum(upload, xmlPart, part, faults);
    parts.push(part);
  }
  return parts;
}

async function expectPartChecksum(
  upload: StoredUpload,
  listed: string,
  part: StoredPart,
  faults: Faults,
): Promise<void> {
  if (upload.checksum === undefined || !checksOf(faults).checksums) return;
  const given = tag(listed, checksumElement(upload.checksum.algorithm));
  if (given !== undefined && given !== (await compute(upload.checksum.algorithm, part.bytes))) throw invalidPart();
}

function invalidPart(): S3Error {
  return new S3Error(
    400,
    'InvalidPart',
    'One or more of the specified parts could not be found, or its entity tag did not match.',
  );
}

function expectSize({ headers }: S3Request, bytes: Buffer): void {
  const size = headers['x-amz-mp-object-size'];
  if (size !== undefined && Number(size) !== bytes.length) {
    throw new S3Error(400, 'InvalidRequest', 'The object size does not match x-amz-mp-object-size');
  }
}

async function wholeChecksum(
  upload: StoredUpload,
  { headers }: S3Request,
  bytes: Buffer,
  faults: Faults,
): Promise<StoredChecksum | undefined> {
  if (upload.checksum?.type !== 'FULL_OBJECT') return undefined;
  const { algorithm, type } = upload.checksum;
  const sent = headers[`x-amz-checksum-${algorithm}`];
  if (faults.has('lie-about-checksums')) return sent === undefined ? undefined : { algorithm, type, value: sent };
  if (faults.has('ignore-checksums')) return undefined;
  const value = await compute(algorithm, bytes);
  if (sent !== undefined && sent !== value) {
    throw new S3Error(400, 'BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
  }
  return { algorithm, type, value };
}

function compositeEtag(parts: readonly StoredPart[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part.etag, 'hex');
  return `${hash.digest('hex')}-${parts.length}`;
}

function completed(key: string, { etag, checksum }: StoredObject): string {
  const parts = [element('Key', key), element('ETag', `"${etag}"`)];
  if (checksum !== undefined) {
    parts.push(element(checksumElement(checksum.algorithm), checksum.value), element('ChecksumType', checksum.type));
  }
  return parts.join('');
}

function tag(text: string, name: string): string | undefined {
  return new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(text)?.[1];
}
