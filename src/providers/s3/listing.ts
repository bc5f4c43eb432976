import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { ProviderError } from '../../objects/errors.ts';
import { compareKeys } from '../../objects/key.ts';
import type { Key } from '../../objects/key.ts';
import type { ObjectInfo } from '../../objects/object.ts';
import { expectAscending } from '../key-order.ts';
import type { ListOptions, ListPage } from '../provider.ts';
import type { S3Connection } from './client.ts';
import { versionOf } from '../etag.ts';
import type { ServerFacts } from './facts.ts';
import { wholeSeconds } from './head.ts';

/** Sorts after every key Holdfast has in its own space, and before every other key: where a listing goes on after it. */
const endOfReserved = '\u{10fffd}';

export async function* listObjects(
  connection: S3Connection,
  facts: Pick<ServerFacts, 'listing'>,
  options: ListOptions,
  signal: AbortSignal,
): AsyncGenerator<ListPage> {
  const { prefix = '', after = '' } = options;
  if (!prefix.isWellFormed()) return;
  const ordered = facts.listing === 'ordered';
  const keepReserved = prefix.startsWith(connection.reserved);
  const isHidden = (key: Key): boolean => !keepReserved && key.startsWith(connection.reserved);
  let last: Key | undefined;
  for await (const page of rawPages(connection, { prefix, after }, { ordered, isHidden }, signal)) {
    if (ordered) last = requireOrder(connection, page, last);
    const wanted = page.filter(({ key }) => !isHidden(key) && (after === '' || compareKeys(key, after) > 0));
    yield toPage(wanted);
  }
}

interface Listed extends Omit<ObjectInfo, 'version'> {
  readonly etag: string;
}

/** Pages as the server gives them. Jumps over what is hidden instead of listing through it, where order allows. */
async function* rawPages(
  connection: S3Connection,
  { prefix, after }: Required<ListOptions>,
  { ordered, isHidden }: { readonly ordered: boolean; readonly isHidden: (key: Key) => boolean },
  signal: AbortSignal,
): AsyncGenerator<readonly Listed[]> {
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

export function requestPage(connection: S3Connection, prefix: string, position: Position, signal: AbortSignal) {
  const { client, sdk, bucket, pageSize } = connection;
  const input = { Bucket: bucket, Prefix: prefix, MaxKeys: pageSize, EncodingType: 'url', ...position } as const;
  return connection.call({ operation: 'ListObjectsV2' }, signal, (options) =>
    client.send(new sdk.ListObjectsV2Command(input), options),
  );
}

/** @throws ProviderError `invalid` for a listing that says it goes on and does not say where: it must never just end. */
function nextToken(
  connection: S3Connection,
  answer: ListObjectsV2CommandOutput,
  seen: Set<string>,
): string | undefined {
  if (answer.IsTruncated !== true) return undefined;
  const token = answer.NextContinuationToken;
  if (token === undefined || token === '') {
    throw brokenListing(connection, 'a page says more follows, and names no continuation token');
  }
  if (seen.has(token)) throw brokenListing(connection, 'a continuation token came twice');
  // Only the latest: a server that goes round in a longer circle is caught by the order of its keys.
  seen.clear();
  seen.add(token);
  return token;
}

export function toListed(connection: S3Connection, answer: ListObjectsV2CommandOutput): Listed[] {
  const encoded = answer.EncodingType === 'url';
  return (answer.Contents ?? []).map(({ Key: name, Size, ETag, LastModified }) => {
    if (name === undefined || Size === undefined) throw brokenListing(connection, 'an entry has no key or no size');
    const key = encoded ? decodeKey(connection, name) : name;
    return { key, size: Size, etag: versionOf(ETag ?? ''), modifiedAt: wholeSeconds(LastModified) };
  });
}

/** AWS encodes as a form does: a space is `+`, a plus is `%2B` (measured, brekkylab/backlot #178). */
export function decodeKey(connection: S3Connection, name: string): Key {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    throw brokenListing(connection, `the key ${JSON.stringify(name)} is not url-encoded as announced`);
  }
}

function toPage(listed: readonly Listed[]): ListPage {
  const entries: ObjectInfo[] = [];
  const ignored: { key: Key; reason: string }[] = [];
  for (const { etag, ...entry } of listed) {
    if (etag === '') ignored.push({ key: entry.key, reason: 'the server lists it without an ETag' });
    else entries.push({ ...entry, version: etag });
  }
  return ignored.length === 0 ? { entries } : { entries, ignored };
}

function requireOrder(connection: S3Connection, page: readonly Listed[], last: Key | undefined): Key | undefined {
  const keys = page.map(({ key }) => key);
  return expectAscending(keys, last, (before, now) =>
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
