import type { BlobItem, ContainerListBlobFlatSegmentResponse } from '@azure/storage-blob';
import type { Key } from '../../objects/key.ts';
import { compareKeys } from '../../objects/key.ts';
import type { ObjectInfo } from '../../objects/object.ts';
import { versionOf } from '../etag.ts';
import { expectAscending, firstKeyAfter } from '../key-order.ts';
import type { ListOptions, ListPage } from '../provider.ts';
import type { Connection } from './connection.ts';
import { fail } from './errors.ts';

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
  const hides = hidden(connection, prefix);
  let previous: Key | undefined;
  for await (const items of pages(connection, prefix, after, traits, signal)) {
    const entries = items.map((item) => infoOf(connection, item));
    if (traits.ordered) previous = requireOrder(connection, previous, entries);
    yield { entries: entries.filter(({ key }) => isAfter(key, after) && !hides(key)) };
  }
}

/** Holdfast's own keys show only to who asks for them. */
function hidden({ reserved }: Connection, prefix: string): (key: Key) => boolean {
  return prefix.startsWith(reserved) ? () => false : (key) => key.startsWith(reserved);
}

function isAfter(key: Key, after: Key | undefined): boolean {
  return after === undefined || compareKeys(key, after) > 0;
}

async function* pages(
  connection: Connection,
  prefix: string,
  after: Key | undefined,
  traits: ListingTraits,
  signal: AbortSignal,
): AsyncGenerator<readonly BlobItem[]> {
  const hides = hidden(connection, prefix);
  // What is hidden need not be paged through where a listing can begin behind it: descriptions may be many.
  const behind = startFrom(prefix, firstKeyAfter(connection.reserved), traits);
  let segments = segmentsFrom(connection, prefix, startFrom(prefix, after, traits), signal);
  let marker: string | undefined;
  for (;;) {
    const { value } = await connection.attempt({ verb: 'list' }, () => segments.next(), signal);
    if (value === undefined) return;
    if (marker !== undefined && value.continuationToken === marker) {
      throw fail('invalid', 'the listing runs in circles', connection.operation('list'));
    }
    marker = value.continuationToken;
    const { blobItems } = value.segment;
    yield blobItems;
    if (behind === undefined || !marker || !hides(blobItems.at(-1)?.name ?? '')) continue;
    segments = segmentsFrom(connection, prefix, behind, signal);
    marker = undefined;
  }
}

/** The SDK goes on from marker to marker until there is none. */
function segmentsFrom(
  { client, pageSize }: Connection,
  prefix: string,
  start: Start | undefined,
  signal: AbortSignal,
): AsyncIterator<ContainerListBlobFlatSegmentResponse, undefined> {
  const settings = { abortSignal: signal, ...(prefix === '' ? {} : { prefix }), ...start };
  return client.listBlobsFlat(settings).byPage({ maxPageSize: pageSize });
}

interface Start {
  readonly startFrom: Key;
}

/** Where the listing may begin: only where order and start were both proven, else nothing is left to the service. */
function startFrom(prefix: string, key: Key | undefined, { ordered, startsFrom }: ListingTraits): Start | undefined {
  if (!ordered || !startsFrom || key === undefined || key === '' || !key.isWellFormed()) return undefined;
  return compareKeys(key, prefix) > 0 && key.length <= 1_024 ? { startFrom: key } : undefined;
}

function requireOrder(
  connection: Connection,
  previous: Key | undefined,
  entries: readonly ObjectInfo[],
): Key | undefined {
  const keys = entries.map(({ key }) => key);
  return expectAscending(keys, previous, (before, now) => {
    const what = `${JSON.stringify(now)} came after ${JSON.stringify(before)}, though the probe found listings in the order of their bytes`;
    return fail('invalid', what, connection.operation('list'));
  });
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
