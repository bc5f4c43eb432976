import type { Fault } from './faults.ts';
import type { S3Request } from './request.ts';
import { element, S3Error, xml } from './response.ts';
import type { S3Response } from './response.ts';
import type { Bucket, StoredObject } from './store.ts';

/** @param pageSize the most entries of one page, whatever the client asks for. */
export function listObjects(
  bucket: Bucket,
  { query }: S3Request,
  faults: ReadonlySet<Fault>,
  pageSize: number,
): S3Response {
  const prefix = query.get('prefix') ?? '';
  const token = query.get('continuation-token');
  const start = faults.has('list-ignores-start') ? '' : (query.get('start-after') ?? '');
  const after = token === null ? start : decodeToken(token);
  const byUnits = faults.has('list-starts-by-utf16') && token === null;
  const isAfter = (key: string, than: string): boolean => (byUnits ? key > than : compareBytes(key, than) > 0);
  const matching = sortedKeys(bucket).filter((key) => key.startsWith(prefix) && isAfter(key, after));
  const page = matching.slice(0, Math.min(pageSize, Number(query.get('max-keys') ?? 1000)));
  const truncated = page.length < matching.length;
  const encode = encoder(query, faults);
  const listed = faults.has('list-out-of-order') ? page.toReversed() : page;
  const next = faults.has('list-in-circles') ? after : (page.at(-1) ?? '');
  const withToken = truncated && !faults.has('list-without-token');
  const answer = xml(
    'ListBucketResult',
    [
      element('Prefix', encode(prefix)),
      element('MaxKeys', query.get('max-keys') ?? 1000),
      element('EncodingType', query.get('encoding-type') === 'url' && !faults.has('list-raw') ? 'url' : undefined),
      element('KeyCount', page.length),
      element('IsTruncated', truncated),
      element('NextContinuationToken', withToken ? encodeToken(next) : undefined),
      ...listed.map((key) => entry(encode(key), bucket.objects.get(key))),
    ].join(''),
  );
  return faults.has('list-cut-short') ? { ...answer, body: String(answer.body).slice(0, -20) } : answer;
}

function entry(key: string, object: StoredObject | undefined): string {
  if (object === undefined) return '';
  const { etag, bytes, modifiedAt } = object;
  const fields = [
    element('Key', key),
    element('LastModified', modifiedAt.toISOString()),
    element('ETag', etag === '' ? undefined : `"${etag}"`),
    element('Size', bytes.length),
    element('StorageClass', 'STANDARD'),
  ];
  return `<Contents>${fields.join('')}</Contents>`;
}

/** As AWS encodes: like a form, but for the slash. */
function encoder(query: URLSearchParams, faults: ReadonlySet<Fault>): (text: string) => string {
  if (query.get('encoding-type') !== 'url' || faults.has('list-raw')) return (text) => text;
  return (text) => encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%20', '+');
}

export function sortedKeys({ objects }: Bucket): string[] {
  return [...objects.keys()].toSorted(compareBytes);
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function encodeToken(key: string): string {
  return Buffer.from(`token:${key}`).toString('base64url');
}

function decodeToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  if (!text.startsWith('token:'))
    throw new S3Error(400, 'InvalidArgument', 'The continuation token provided is incorrect');
  return text.slice('token:'.length);
}
