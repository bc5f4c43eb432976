import type { Key } from '../../objects/key.ts';
import { compareKeys, isReserved, reservedPrefix } from '../../objects/key.ts';
import type { ObjectInfo } from '../../objects/object.ts';
import type { ListOptions, ListPage } from '../provider.ts';
import type { GcsClient } from './client.ts';
import { bucketPath, callForJson, operation, query } from './client.ts';
import type { Operation } from './errors.ts';
import { fail } from './errors.ts';
import { offsetNotAfter } from './key.ts';
import type { Resource, TrustedFields } from './resource.ts';
import { infoOf, listFields, parseResource } from './resource.ts';

export interface ListingTraits {
  /** Whether keys come in byte order; if so, a key out of order is an error, for a mistake here deletes data. */
  readonly ordered: boolean;
  readonly trusted: TrustedFields;
}

/** The first key after everything that is Holdfast's own. */
const afterReserved = reservedPrefix.replace(/\/$/, '0');

const maxPrefix = 1_024;

export async function* listObjects(
  client: GcsClient,
  { prefix = '', after }: ListOptions,
  traits: ListingTraits,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  const doing = operation(client, 'list');
  if (!prefix.isWellFormed() || Buffer.byteLength(prefix) > maxPrefix) return;
  const wanted = (key: Key): boolean =>
    (after === undefined || compareKeys(key, after) > 0) && (prefix.startsWith(reservedPrefix) || !isReserved(key));
  let previous: Key | undefined;
  for await (const entries of pages(client, prefix, after, signal)) {
    if (traits.ordered) previous = requireOrder(previous, entries, doing);
    yield {
      entries: entries.filter((entry) => wanted(entry.name)).map((entry): ObjectInfo => infoOf(entry, traits.trusted)),
    };
  }
}

type Entries = readonly Resource[];

/** Where the next page begins. */
interface Cursor {
  readonly startOffset?: string;
  readonly pageToken?: string;
}

async function* pages(
  client: GcsClient,
  prefix: string,
  after: Key | undefined,
  signal: AbortSignal,
): AsyncGenerator<Entries> {
  const doing = operation(client, 'list');
  const isNews = watchForCycles();
  let cursor: Cursor | undefined = after === undefined || after === '' ? {} : { startOffset: offsetNotAfter(after) };
  while (cursor !== undefined) {
    const page: Page = await readPage(client, prefix, cursor, doing, signal);
    if (page.next !== undefined && !isNews(page.next)) throw fail('invalid', 'it repeats a page token', doing);
    yield page.entries;
    cursor = nextCursor(page, cursor, prefix);
  }
}

interface Page {
  readonly entries: Entries;
  readonly next: string | undefined;
}

async function readPage(
  client: GcsClient,
  prefix: string,
  cursor: Cursor,
  doing: Operation,
  signal: AbortSignal,
): Promise<Page> {
  const fields = `kind,nextPageToken,items(${listFields})`;
  const parameters = { maxResults: '1000', fields, ...(prefix !== '' && { prefix }), ...cursor };
  const path = `${bucketPath(client)}/o?${query(parameters)}`;
  const body = await callForJson(client, { method: 'GET', path }, doing, signal);
  const { kind, items = [], nextPageToken } = body;
  // Without this an empty object from some proxy would pass for an empty bucket.
  if (kind !== 'storage#objects' || !Array.isArray(items)) throw fail('invalid', 'its answer is no listing', doing);
  if (nextPageToken !== undefined && typeof nextPageToken !== 'string') {
    throw fail('invalid', 'its page token is no text', doing);
  }
  return { entries: items.map((item) => parseResource(item, doing)), next: nextPageToken || undefined };
}

function nextCursor({ entries, next }: Page, cursor: Cursor, prefix: string): Cursor | undefined {
  if (next === undefined) return undefined;
  const last = entries.at(-1)?.name ?? '';
  // What is our own need not be paged through: descriptions may be many.
  if (isReserved(last) && !prefix.startsWith(reservedPrefix)) return { startOffset: afterReserved };
  return { ...cursor, pageToken: next };
}

function requireOrder(previous: Key | undefined, entries: Entries, doing: Operation): Key | undefined {
  let last = previous;
  for (const { name } of entries) {
    if (last !== undefined && compareKeys(last, name) >= 0) {
      throw fail('invalid', `it lists ${JSON.stringify(name)} after ${JSON.stringify(last)}, out of order`, doing);
    }
    last = name;
  }
  return last;
}

/** Finds any cycle of page tokens without keeping them all: remembers the 1st, 2nd, 4th, 8th, … (Brent). */
function watchForCycles(): (token: string) => boolean {
  let remembered: string | undefined;
  let steps = 0;
  return (token) => {
    if (token === remembered) return false;
    steps += 1;
    if ((steps & (steps - 1)) === 0) remembered = token;
    return true;
  };
}
