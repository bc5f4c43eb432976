import type { IncomingMessage } from 'node:http';

export type Operation =
  | 'CreateBucket'
  | 'HeadBucket'
  | 'ListObjectsV2'
  | 'PutObject'
  | 'GetObject'
  | 'HeadObject'
  | 'DeleteObject'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListParts'
  | 'ListMultipartUploads'
  | 'Unknown';

/** One request as the server understood it. The key is what stands in the path, decoded and not normalised. */
export interface S3Request {
  readonly operation: Operation;
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  /** The path as it came over the wire. */
  readonly rawPath: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export async function readRequest(message: IncomingMessage): Promise<S3Request> {
  const [rawPath = '', search = ''] = (message.url ?? '').split(/\?(.*)/s);
  const [, bucket = '', path = ''] = /^\/([^/]*)\/?(.*)$/s.exec(rawPath) ?? [];
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const method = message.method ?? '';
  const query = new URLSearchParams(search);
  const key = decodeURIComponent(path);
  return {
    operation: operationOf(method, key, query),
    ...{ method, bucket, key, rawPath, query },
    headers: joined(message.headers),
    body: Buffer.concat(chunks),
  };
}

function operationOf(method: string, key: string, query: URLSearchParams): Operation {
  if (key === '') return bucketOperation(method, query);
  if (method === 'GET') return query.has('uploadId') ? 'ListParts' : 'GetObject';
  if (method === 'HEAD') return 'HeadObject';
  const upload = query.has('uploadId');
  if (method === 'PUT') return upload ? 'UploadPart' : 'PutObject';
  if (method === 'DELETE') return upload ? 'AbortMultipartUpload' : 'DeleteObject';
  if (method === 'POST' && query.has('uploads')) return 'CreateMultipartUpload';
  return method === 'POST' && upload ? 'CompleteMultipartUpload' : 'Unknown';
}

function bucketOperation(method: string, query: URLSearchParams): Operation {
  if (method === 'PUT') return 'CreateBucket';
  if (method === 'HEAD') return 'HeadBucket';
  if (method === 'GET' && query.has('uploads')) return 'ListMultipartUploads';
  return method === 'GET' && query.get('list-type') === '2' ? 'ListObjectsV2' : 'Unknown';
}

function joined(headers: IncomingMessage['headers']): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(',') : (value ?? ''),
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}
