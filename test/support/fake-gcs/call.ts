import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault, Operation } from './faults.ts';
import type { Bucket } from './store.ts';

/** One request, understood. */
export interface Call {
  readonly operation: Operation;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly bucketName: string;
  /** The object's name, where the request names one. */
  readonly key: string | undefined;
  readonly faults: ReadonlySet<Fault>;
  /** @throws 404 */
  readonly bucket: () => Bucket;
}

export interface Route {
  readonly operation: Operation;
  readonly bucketName: string;
  readonly key: string | undefined;
}

/** @returns undefined for what is no request of the JSON API. */
export function route(
  method: string,
  path: string,
  query: URLSearchParams,
  headers: IncomingMessage['headers'],
): Route | undefined {
  const [, upload, encodedBucket, rest] =
    /^(\/upload)?\/storage\/v1\/b(?:\/([^/]+))?(\/o(?:\/.*)?|\/iam\/testPermissions)?$/.exec(path) ?? [];
  const bucketName = decodeURIComponent(encodedBucket ?? '');
  const key = rest?.startsWith('/o/') === true && rest.length > 3 ? decodeURIComponent(rest.slice(3)) : undefined;
  const operation = upload === undefined ? plain(method, query, rest, bucketName) : uploading(method, query, headers);
  return operation === undefined || !path.includes('/storage/v1/b') ? undefined : { operation, bucketName, key };
}

function plain(
  method: string,
  query: URLSearchParams,
  rest: string | undefined,
  bucket: string,
): Operation | undefined {
  if (bucket === '') return method === 'POST' ? 'bucket.insert' : undefined;
  if (rest === undefined) return method === 'GET' ? 'bucket.get' : undefined;
  if (rest === '/iam/testPermissions') return method === 'GET' ? 'bucket.permissions' : undefined;
  if (rest === '/o') return method === 'GET' ? 'object.list' : undefined;
  if (method === 'GET') return query.get('alt') === 'media' ? 'object.media' : 'object.get';
  return method === 'DELETE' ? 'object.delete' : method === 'PATCH' ? 'object.patch' : undefined;
}

function uploading(method: string, query: URLSearchParams, headers: IncomingMessage['headers']): Operation | undefined {
  if (query.has('upload_id')) {
    if (method === 'DELETE') return 'upload.cancel';
    return (headers['content-range'] ?? '').startsWith('bytes */') ? 'upload.query' : 'upload.chunk';
  }
  return query.get('uploadType') === 'resumable' ? 'upload.start' : 'object.insert';
}
