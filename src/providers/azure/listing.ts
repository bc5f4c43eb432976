import type { BlobItem, ContainerListBlobFlatSegmentResponse } from '@azure/storage-blob';
import type { Key } from '../../objects/key.ts';
import { compareKeys, isReserved, reservedPrefix } from '../../objects/key.ts';
import type { ObjectInfo } from '../../objects/object.ts';
import type { ListOptions, ListPage } from '../provider.ts';
import type { Connection } from './connection.ts';
import { fail } from './errors.ts';
import { versionOf } from './head.ts';

/** What the probe found out about listings. */
export interface ListingTraits {
  /** In the order of the keys' UTF-8 bytes. */
  readonly ordered: boolean;
  /** `startFrom` begins a listing at a key (inclusive), also below a prefix. */
  readonly startsFrom: boolean;
}

/**
 * Pages may be short or empty with more to come; the marker decides. Where the service does not begin at a key,
 * `after` is applied here, which is right but reads from the start.
 */
export async function* listBlobs(
  connection: Connection,
  { prefix = '', after }: ListOptions,
  traits: ListingTraits,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  if (!prefix.isWellFormed()) return;
  const wanted = ({ key }: ObjectInfo): boolean =>
    (after === undefined || compareKeys(key, after) > 0) && (prefix.startsWith(reservedPrefix) || !isReserved(key));
  let previous: Key | undefined;
  for await (const items of pages(connection, prefix, startFrom(prefix, after, traits), signal)) {
    const entries = items.map((item) => infoOf(connection, item));
    if (traits.ordered) previous = requireOrder(connection, previous, entries);
    yield { entries: entries.filter(wanted) };
  }
}

async function* pages(
  connection: Connection,
  prefix: string,
  start: { readonly startFrom?: Key },
  signal: AbortSignal,
): AsyncGenerator<readonly BlobItem[]> {
  const settings = { abortSignal: signal, ...(prefix === '' ? {} : { prefix }), ...start };
  // The SDK goes on from marker to marker until there is none.
  const segments: AsyncIterator<ContainerListBlobFlatSegmentResponse, undefined> = connection.client
    .listBlobsFlat(settings)
    .byPage({ maxPageSize: connection.pageSize });
  let marker: string | undefined;
  for (;;) {
    const { value } = await connection.attempt({ verb: 'list' }, () => segments.next(), signal);
    if (value === undefined) return;
    if (marker !== undefined && value.continuationToken === marker) {
      throw fail('invalid', 'the listing runs in circles', connection.operation('list'));
    }
    marker = value.continuationToken;
    yield value.segment.blobItems;
  }
}

/** Where the listing may begin: only where order and start were both proven, else nothing is left to the service. */
function startFrom(
  prefix: string,
  after: Key | undefined,
  { ordered, startsFrom }: ListingTraits,
): { startFrom?: Key } {
  if (!ordered || !startsFrom || after === undefined || after === '' || !after.isWellFormed()) return {};
  return compareKeys(after, prefix) > 0 && after.length <= 1_024 ? { startFrom: after } : {};
}

/** A key out of order would look like a missing object to whoever compares two listings. */
function requireOrder(
  connection: Connection,
  previous: Key | undefined,
  entries: readonly ObjectInfo[],
): Key | undefined {
  let last = previous;
  for (const { key } of entries) {
    if (last !== undefined && compareKeys(last, key) >= 0) {
      const what = `${JSON.stringify(key)} came after ${JSON.stringify(last)}, though the probe found listings in the order of their bytes`;
      throw fail('invalid', what, connection.operation('list'));
    }
    last = key;
  }
  return last;
}

function infoOf(connection: Connection, { name, properties }: BlobItem): ObjectInfo {
  const { contentLength, etag, lastModified } = properties;
  if (contentLength === undefined || !etag) {
    throw fail(
      'invalid',
      `the listing tells no size or no ETag of ${JSON.stringify(name)}`,
      connection.operation('list'),
    );
  }
  return { key: name, size: contentLength, version: versionOf(etag), modifiedAt: lastModified.getTime() };
}
