import type { Fault } from './faults.ts';
import type { FakeS3Options } from './fake-s3.ts';
import { listObjects } from './list.ts';
import { listParts, listUploads } from './list-uploads.ts';
import { abortUpload, completeUpload, createUpload, uploadPart } from './multipart.ts';
import { deleteObject, getObject, headObject, putObject } from './objects.ts';
import type { Operation, S3Request } from './request.ts';
import { errorXml, S3Error } from './response.ts';
import type { S3Response } from './response.ts';
import type { Bucket } from './store.ts';
import { newBucket } from './store.ts';

type Faults = ReadonlySet<Fault>;
type Handler = (
  bucket: Bucket,
  request: S3Request,
  faults: Faults,
  options: FakeS3Options,
) => S3Response | Promise<S3Response>;

const fiveMebibytes = 5 * 1024 ** 2;

const handlers: Readonly<Partial<Record<Operation, Handler>>> = {
  HeadBucket: () => ({ status: 200 }),
  ListObjectsV2: (bucket, request, faults, { pageSize = 1000 }) => listObjects(bucket, request, faults, pageSize),
  PutObject: putObject,
  GetObject: getObject,
  HeadObject: headObject,
  DeleteObject: deleteObject,
  CreateMultipartUpload: createUpload,
  UploadPart: uploadPart,
  CompleteMultipartUpload: (bucket, request, faults, { minPartSize = fiveMebibytes }) =>
    completeUpload(bucket, request, faults, minPartSize),
  AbortMultipartUpload: abortUpload,
  ListParts: (bucket, request, faults, { pageSize = 1000 }) => listParts(bucket, request, faults, pageSize),
  ListMultipartUploads: (bucket, request, _, { pageSize = 1000 }) => listUploads(bucket, request, pageSize),
};

/** Does what is asked, as far as the faults let it. */
export async function perform(
  buckets: Map<string, Bucket>,
  request: S3Request,
  faults: Faults,
  options: FakeS3Options,
): Promise<S3Response> {
  try {
    return misbehave(request, faults) ?? distorted(await obey(buckets, request, faults, options), faults);
  } catch (error) {
    if (error instanceof S3Error) return error.toResponse();
    throw error;
  }
}

function misbehave({ headers }: S3Request, faults: Faults): S3Response | undefined {
  for (const fault of faults) {
    if (typeof fault === 'object') throw new S3Error(fault.status, fault.code, fault.message, fault.headers);
  }
  if (faults.has('slow-down'))
    throw new S3Error(503, 'SlowDown', 'Please reduce your request rate.', { 'retry-after': '7' });
  if (faults.has('refuse-unsigned-payload') && headers['x-amz-content-sha256'] === 'UNSIGNED-PAYLOAD') {
    throw new S3Error(403, 'AccessDenied', 'The payload must be signed.');
  }
  if (!faults.has('ok-with-error-body')) return undefined;
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: errorXml('InternalError', 'Try again.') };
}

async function obey(
  buckets: Map<string, Bucket>,
  request: S3Request,
  faults: Faults,
  options: FakeS3Options,
): Promise<S3Response> {
  if (request.operation === 'CreateBucket') {
    buckets.set(request.bucket, newBucket());
    return { status: 200 };
  }
  const bucket = buckets.get(request.bucket);
  if (bucket === undefined) throw new S3Error(404, 'NoSuchBucket', 'The specified bucket does not exist');
  if (Buffer.byteLength(request.key) > 1024) throw new S3Error(400, 'KeyTooLongError', 'Your key is too long');
  const handler = handlers[request.operation];
  if (handler === undefined) throw new S3Error(501, 'NotImplemented', `${request.method} is not implemented`);
  return handler(bucket, request, faults, options);
}

function distorted(answer: S3Response, faults: Faults): S3Response {
  const headers = { ...answer.headers };
  let { body } = answer;
  if (faults.has('no-etag')) {
    delete headers['etag'];
    body = without(body, 'ETag');
  }
  if (faults.has('another-etag')) headers['etag'] = '"another"';
  if (faults.has('echo-another-checksum')) headers['x-amz-checksum-crc32c'] = 'AAAAAA==';
  if (faults.has('complete-without-checksum')) body = without(body, 'Checksum\\w+');
  return { status: answer.status, headers, ...(body === undefined ? {} : { body }) };
}

function without(body: S3Response['body'], element: string): S3Response['body'] {
  return typeof body === 'string' ? body.replaceAll(new RegExp(`<(${element})>.*?</\\1>`, 'gs'), '') : body;
}
