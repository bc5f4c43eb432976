import type { Key } from '../../objects/key.ts';
import { compareKeys } from '../../objects/key.ts';
import type { ObjectInfo } from '../../objects/object.ts';
import { versionOf } from '../etag.ts';
import { expectAscending, expectFrom, firstKeyAfter } from '../key-order.ts';
import { httpTimeOf, sizeOf } from '../listed-values.ts';
import type { ListOptions, ListPage } from '../provider.ts';
import { XmlError } from '../xml-scan.ts';
import type { PageRequest } from './client.ts';
import type { Connection } from './connection.ts';
import { fail } from './errors.ts';
import { parseListing, type ListedBlob, type ListingAnswer } from './listing-answer.ts';

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
  const start = startFrom(prefix, after, traits)?.startFrom;
  let previous: Key | undefined;
  for await (const entries of pages(connection, prefix, after, traits, signal)) {
    if (traits.ordered) previous = requireOrder(connection, previous, entries);
    if (start !== undefined) expectFrom(entries, start, (before, now) => outOfOrder(connection, before, now));
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
): AsyncGenerator<readonly ObjectInfo[]> {
  const hides = hidden(connection, prefix);
  // What is hidden need not be paged through where a listing can begin behind it: descriptions may be many.
  const behind = startFrom(prefix, firstKeyAfter(connection.reserved), traits);
  const asked = { maxPageSize: connection.pageSize, ...(prefix === '' ? {} : { prefix }) };
  let start = startFrom(prefix, after, traits);
  let marker: string | undefined;
  for (;;) {
    const page = await readPage(connection, { ...asked, ...start, ...(marker && { marker }) }, signal);
    if (marker !== undefined && page.marker === marker) {
      throw fail('invalid', 'the listing runs in circles', connection.operation('list'));
    }
    const entries = page.blobs.map((blob) => infoOf(connection, blob));
    yield entries;
    if (!page.marker) return;
    const jump = behind !== undefined && hides(entries.at(-1)?.key ?? '');
    if (jump) start = behind;
    marker = jump ? undefined : page.marker;
  }
}

/** @throws ProviderError `unavailable` for an answer that is no whole listing. */
async function readPage(connection: Connection, asked: PageRequest, signal: AbortSignal): Promise<ListingAnswer> {
  const xml = await connection.attempt({ verb: 'list' }, () => connection.listPage(asked, signal), signal);
  try {
    return parseListing(xml);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    const what = `the answer is not whole: ${error.message}. Check the server or a proxy in front of it`;
    throw fail('unavailable', what, connection.operation('list'));
  }
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
  return expectAscending(entries, previous, (before, now) => outOfOrder(connection, before, now));
}

function outOfOrder(connection: Connection, before: Key, now: Key): Error {
  const what = `${JSON.stringify(now)} came after ${JSON.stringify(before)}, though the probe found listings in the order of their bytes`;
  return fail('invalid', what, connection.operation('list'));
}

function infoOf(connection: Connection, blob: ListedBlob): ObjectInfo {
  const { name, etag } = blob;
  const [size, modifiedAt] = [sizeOf(blob.size ?? ''), httpTimeOf(blob.modifiedAt ?? '')];
  if (name !== undefined && size !== undefined && etag && modifiedAt !== undefined) {
    return { key: blob.encoded ? decoded(connection, name) : name, size, version: versionOf(etag), modifiedAt };
  }
  const lacking = name === undefined ? 'name' : size === undefined ? 'size' : etag ? 'time' : 'ETag';
  const of = name === undefined ? 'a blob' : JSON.stringify(name);
  throw fail('invalid', `the listing tells no ${lacking} of ${of}`, connection.operation('list'));
}

function decoded(connection: Connection, name: string): Key {
  try {
    return decodeURIComponent(name);
  } catch {
    const what = `the name ${JSON.stringify(name)} is not url-encoded as announced`;
    throw fail('invalid', what, connection.operation('list'));
  }
}
