import { checksumElement } from './checksums.ts';
import type { Fault } from './faults.ts';
import { requireUpload } from './multipart.ts';
import type { S3Request } from './request.ts';
import { element, xml } from './response.ts';
import type { S3Response } from './response.ts';
import type { Bucket, StoredPart, StoredUpload } from './store.ts';

/** @param pageSize the most entries of one page. */
export function listParts(
  bucket: Bucket,
  request: S3Request,
  faults: ReadonlySet<Fault>,
  pageSize: number,
): S3Response {
  const upload = requireUpload(bucket, request);
  const after = Number(request.query.get('part-number-marker') ?? 0);
  const rest = [...upload.parts].filter(([number]) => number > after).toSorted(([a], [b]) => a - b);
  const page = rest.slice(0, pageSize);
  const truncated = page.length < rest.length;
  return xml(
    'ListPartsResult',
    [
      element('IsTruncated', truncated),
      element('NextPartNumberMarker', truncated ? page.at(-1)?.[0] : undefined),
      ...page.map(([number, part]) => partXml(number, part, faults)),
    ].join(''),
  );
}

function partXml(number: number, { etag, bytes, checksum }: StoredPart, faults: ReadonlySet<Fault>): string {
  const told = checksum === undefined || faults.has('ignore-checksums') ? undefined : checksum;
  const fields = [
    element('PartNumber', number),
    element('ETag', `"${etag}"`),
    element('Size', bytes.length),
    told === undefined ? '' : element(checksumElement(told.algorithm), told.value),
  ];
  return `<Part>${fields.join('')}</Part>`;
}

/** In the order of keys, and of one key in the order they were begun. */
export function listUploads(bucket: Bucket, { query }: S3Request, pageSize: number): S3Response {
  const prefix = query.get('prefix') ?? '';
  const matching = [...bucket.uploads]
    .filter(([, { key }]) => key.startsWith(prefix))
    .toSorted(([, a], [, b]) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  const marker = query.get('upload-id-marker');
  const start = marker === null ? 0 : matching.findIndex(([id]) => id === marker) + 1;
  const page = matching.slice(start, start + pageSize);
  const truncated = start + page.length < matching.length;
  const last = page.at(-1);
  return xml(
    'ListMultipartUploadsResult',
    [
      element('EncodingType', 'url'),
      element('IsTruncated', truncated),
      element('NextKeyMarker', truncated ? last?.[1].key : undefined),
      element('NextUploadIdMarker', truncated ? last?.[0] : undefined),
      ...page.map(([id, upload]) => uploadXml(id, encodeURIComponent(upload.key), upload)),
    ].join(''),
  );
}

function uploadXml(id: string, key: string, { startedAt, checksum }: StoredUpload): string {
  const fields = [
    element('Key', key),
    element('UploadId', id),
    element('Initiated', startedAt.toISOString()),
    element('ChecksumAlgorithm', checksum?.algorithm.toUpperCase()),
    element('ChecksumType', checksum?.type),
  ];
  return `<Upload>${fields.join('')}</Upload>`;
}
