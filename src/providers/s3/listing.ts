import { ProviderError } from '../../objects/errors.ts';
import { compareKeys } from '../../objects/key.ts';
import type { Key } from '../../objects/key.ts';
import type { ObjectInfo } from '../../objects/object.ts';
import { expectAscending } from '../key-order.ts';
import { isoTimeOf, sizeOf } from '../listed-values.ts';
import type { ListOptions, ListPage } from '../provider.ts';
import type { S3Connection } from './client.ts';
import { versionOf } from '../etag.ts';
import type { ServerFacts } from './facts.ts';
import { wholeSeconds } from './head.ts';
import type { ListedObject, ListingAnswer } from './listing-answer.ts';

/** Sorts after every key Holdfast has in its own space, and before every other key: where a listing goes on after it. */
const endOfReserved = '\u{10fffd}';

export async function* listObjects(
  connection: S3Connection,
  facts: Pick<ServerFacts, 'listing' | 'listsAfter'>,
  options: ListOptions,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  const { prefix = '', after = '' } = options;
  if (!prefix.isWellFormed()) return;
  const ordered = facts.listing === 'ordered';
  const keepReserved = prefix.startsWith(connection.reserved);
  const isHidden = (key: Key): boolean => !keepReserved && key.startsWith(connection.reserved);
  // Where the server begins at a key, one before it is out of order, and is not left out in silence.
  let last: Key | undefined = ordered && facts.listsAfter ? wellFormedStart(after) : undefined;
  for await (const page of rawPages(connection, { prefix, after }, { ordered, isHidden }, signal)) {
    if (ordered) last = requireOrder(connection, page, last);
    yield toPage(page, ({ key }) => !isHidden(key) && (after === '' || compareKeys(key, after) > 0));
  }
}

/** Pages as the server gives them. Jumps over what is hidden instead of listing through it, where order allows. */
async function* rawPages(
  connection: S3Connection,
  { prefix, after }: Required<Pick<ListOptions, 'prefix' | 'after'>>,
  { ordered, isHidden }: { readonly ordered: boolean; readonly isHidden: (key: Key) => boolean },
  signal: AbortSignal,
): AsyncGenerator<readonly ObjectInfo[]> {
  let position: Position = ordered && after !== '' ? { StartAfter: wellFormedStart(after) } : {};
  const tokens = new Set<string>();
  for (;;) {
    const answer = await requestPage(connection, prefix, position, signal);
    const page = toListed(connection, answer);
    yield page;
    const next = nextToken(connection, answer, tokens);
    if (next === undefined) return;
    const lastKey = page.at(-1)?.key;
    const jump = ordered && lastKey !== undefined && isHidden(lastKey);
    position = jump ? { StartAfter: connection.reserved + endOfReserved } : { ContinuationToken: next };
  }
}

type Position = { readonly StartAfter?: string; readonly ContinuationToken?: string };

/** @throws ProviderError `unavailable` for an answer that is no whole listing. */
export async function requestPage(
  connection: S3Connection,
  prefix: string,
  position: Position,
  signal: AbortSignal,
): Promise<ListingAnswer> {
  const { sdk, bucket, pageSize, quick } = connection;
  const input = { Bucket: bucket, Prefix: prefix, MaxKeys: pageSize, EncodingType: 'url', ...position } as const;
  // The client reads it so: see `readListings`.
  return await connection.call(
    { operation: 'ListObjectsV2' },
    signal,
    async (options) => (await quick(new sdk.ListObjectsV2Command(input), options)) as unknown as ListingAnswer,
  );
}

/** @throws ProviderError `invalid` for a listing that says it goes on and does not say where: it must never just end. */
function nextToken(
  connection: S3Connection,
  { truncated, token }: ListingAnswer,
  seen: Set<string>,
): string | undefined {
  if (!truncated) return undefined;
  if (token === undefined || token === '') {
    throw brokenListing(connection, 'a page says more follows, and names no continuation token');
  }
  if (seen.has(token)) throw brokenListing(connection, 'a continuation token came twice');
  // Only the latest: a server that goes round in a longer circle is caught by the order of its keys.
  seen.clear();
  seen.add(token);
  return token;
}

/** An object that is listed without an ETag has the version `''`. */
export function toListed(connection: S3Connection, { objects, encoded }: ListingAnswer): ObjectInfo[] {
  return objects.map((object) => infoOf(connection, object, encoded));
}

function infoOf(connection: S3Connection, listed: ListedObject, encoded: boolean): ObjectInfo {
  const { name, etag = '' } = listed;
  const size = sizeOf(listed.size ?? '');
  if (name === undefined || size === undefined) throw brokenListing(connection, 'an entry has no key or no size');
  const modifiedAt = listed.modifiedAt === undefined ? 0 : isoTimeOf(listed.modifiedAt);
  if (modifiedAt === undefined) throw brokenListing(connection, `the time of ${JSON.stringify(name)} is none`);
  const key = encoded ? decodeKey(connection, name) : name;
  return { key, size, version: versionOf(etag), modifiedAt: wholeSeconds(modifiedAt) };
}

/** AWS encodes as a form does: a space is `+`, a plus is `%2B` (measured, brekkylab/backlot #178). */
export function decodeKey(connection: S3Connection, name: string): Key {
  if (!name.includes('%') && !name.includes('+')) return name;
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    throw brokenListing(connection, `the key ${JSON.stringify(name)} is not url-encoded as announced`);
  }
}

function toPage(listed: readonly ObjectInfo[], isWanted: (info: ObjectInfo) => boolean): ListPage {
  const entries: ObjectInfo[] = [];
  const ignored: { key: Key; reason: string }[] = [];
  for (const info of listed) {
    if (!isWanted(info)) continue;
    if (info.version === '') ignored.push({ key: info.key, reason: 'the server lists it without an ETag' });
    else entries.push(info);
  }
  return ignored.length === 0 ? { entries } : { entries, ignored };
}

function requireOrder(connection: S3Connection, page: readonly ObjectInfo[], last: Key | undefined): Key | undefined {
  return expectAscending(page, last, (before, now) =>
    brokenListing(connection, `${JSON.stringify(now)} came after ${JSON.stringify(before)}, out of order`),
  );
}

/** `StartAfter` is Unicode. What stands before the first byte that is not sorts before the key; the rest is filtered. */
function wellFormedStart(after: Key): string {
  const odd = /\p{Surrogate}/u.exec(after);
  return odd === null ? after : after.slice(0, odd.index);
}

function brokenListing(connection: S3Connection, what: string): ProviderError {
  const message = `The listing of bucket "${connection.bucket}" cannot be trusted: ${what}. Check the server or a proxy in front of it`;
  return new ProviderError('invalid', message, { provider: connection.name });
}
