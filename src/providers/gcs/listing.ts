import type { Key } from '../../objects/key.ts';
import { compareKeys } from '../../objects/key.ts';
import type { ObjectInfo } from '../../objects/object.ts';
import { expectAscending, expectFrom, firstKeyAfter } from '../key-order.ts';
import type { ListOptions, ListPage } from '../provider.ts';
import type { GcsClient } from './client.ts';
import { bucketPath, callForJson, operation, query } from './client.ts';
import type { Operation } from './errors.ts';
import { fail } from './errors.ts';
import { offsetNotAfter } from './key.ts';
import type { TrustedFields } from './resource.ts';
import { listFields, parseInfo } from './resource.ts';

export interface ListingTraits {
  /** Whether keys come in byte order; if so, a key out of order is an error, for a mistake here deletes data. */
  readonly ordered: boolean;
  /** A listing that was to begin at a key did. */
  readonly startsAt: boolean;
  readonly trusted: TrustedFields;
}

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
    (after === undefined || compareKeys(key, after) > 0) && !isHidden(client, prefix, key);
  const start = startOf(after);
  let previous: Key | undefined;
  for await (const entries of pages(client, { prefix, start }, traits.trusted, signal)) {
    if (traits.ordered) previous = requireOrder(entries, previous, doing);
    if (traits.ordered && traits.startsAt && start !== undefined) requireStart(entries, start, doing);
    yield { entries: entries.filter(({ key }) => wanted(key)) };
  }
}

/** The names of the first page, the hidden ones too, from `start` on (inclusive) where given. */
export async function firstNames(
  client: GcsClient,
  prefix: string,
  start: Key | undefined,
  signal: AbortSignal,
): Promise<Key[]> {
  const trusted = { crc32c: false, md5: false };
  const { entries } = await readPage(client, { prefix, cursor: cursorAt(start) }, trusted, signal);
  return entries.map(({ key }) => key);
}

type Entries = readonly ObjectInfo[];

/** Where the next page begins. */
interface Cursor {
  readonly startOffset?: string;
  readonly pageToken?: string;
}

async function* pages(
  client: GcsClient,
  { prefix, start }: { readonly prefix: string; readonly start: Key | undefined },
  trusted: TrustedFields,
  signal: AbortSignal,
): AsyncGenerator<Entries> {
  const doing = operation(client, 'list');
  const isNews = watchForCycles();
  let cursor: Cursor | undefined = cursorAt(start);
  while (cursor !== undefined) {
    const page: Page = await readPage(client, { prefix, cursor }, trusted, signal);
    if (page.next !== undefined && !isNews(page.next)) throw fail('invalid', 'it repeats a page token', doing);
    yield page.entries;
    cursor = nextCursor(client, page, cursor, prefix);
  }
}

function startOf(after: Key | undefined): Key | undefined {
  return after === undefined || after === '' ? undefined : offsetNotAfter(after);
}

function cursorAt(start: Key | undefined): Cursor {
  return start === undefined ? {} : { startOffset: start };
}

interface Page {
  readonly entries: Entries;
  readonly next: string | undefined;
}

async function readPage(
  client: GcsClient,
  { prefix, cursor }: { readonly prefix: string; readonly cursor: Cursor },
  trusted: TrustedFields,
  signal: AbortSignal,
): Promise<Page> {
  const doing = operation(client, 'list');
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
  return { entries: items.map((item) => parseInfo(item, trusted, doing)), next: nextPageToken || undefined };
}

function nextCursor(client: GcsClient, { entries, next }: Page, cursor: Cursor, prefix: string): Cursor | undefined {
  if (next === undefined) return undefined;
  const last = entries.at(-1)?.key ?? '';
  // What is our own need not be paged through: descriptions may be many.
  if (isHidden(client, prefix, last)) return { startOffset: firstKeyAfter(client.reserved) };
  return { ...cursor, pageToken: next };
}

/** Holdfast's own keys show only to who asks for them. */
function isHidden({ reserved }: GcsClient, prefix: string, key: Key): boolean {
  return key.startsWith(reserved) && !prefix.startsWith(reserved);
}

function requireOrder(entries: Entries, previous: Key | undefined, doing: Operation): Key | undefined {
  return expectAscending(entries, previous, (before, now) =>
    fail('invalid', `it lists ${JSON.stringify(now)} after ${JSON.stringify(before)}, out of order`, doing),
  );
}

function requireStart(entries: Entries, start: Key, doing: Operation): void {
  expectFrom(entries, start, (_, now) =>
    fail(
      'invalid',
      `it lists ${JSON.stringify(now)} where only what comes from ${JSON.stringify(start)} on was asked for`,
      doing,
    ),
  );
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
