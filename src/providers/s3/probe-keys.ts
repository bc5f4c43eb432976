import type { S3Connection } from './client.ts';
import type { Key } from '../../objects/key.ts';
import { reservedPrefix } from '../../objects/key.ts';
import { isAscending, orderCanaries, startCanary } from '../key-order.ts';
import type { ServerFacts } from './facts.ts';
import { requestPage, toListed } from './listing.ts';
import { attempt } from './attempt.ts';

/** Names that a server which keeps objects as files stores as `x/b`, `d` and `e`. */
const pathNames = ['x//b', 'c/../d', './e'];
const slashName = 's/';
const longName = 'l'.repeat(256);

/** Looks first, and writes only the canaries that are missing: they stay for the next start. */
export async function probeKeys(
  connection: S3Connection,
  signal: AbortSignal,
): Promise<Pick<ServerFacts, 'listing' | 'listsAfter' | 'keys'>> {
  const folder = `${connection.reserved}probe/keys/`;
  const names = [...orderCanaries, ...pathNames, slashName, longName].map((name) => folder + name);
  let seen = await list(connection, folder, signal);
  const missing = names.filter((key) => !seen.keys.includes(key));
  for (const key of missing) await attempt(write(connection, key, signal));
  if (missing.length > 0) seen = await list(connection, folder, signal);
  const has = (name: string): boolean => seen.keys.includes(folder + name);
  const ordered = orderCanaries.every(has) && isAscending(seen.keys);
  return {
    listing: ordered ? 'ordered' : 'unordered',
    listsAfter: ordered && (await startsAfter(connection, folder, folder + startCanary, seen.keys, signal)),
    keys: {
      foldsPaths: !pathNames.every(has),
      holdsTrailingSlash: has(slashName),
      holdsLongNames: has(longName),
      encodesListing: seen.encoded,
    },
  };
}

/** A source is not written to: what its first page shows has to do. Directory buckets of AWS list in no order. */
export async function probeListing(
  connection: S3Connection,
  signal: AbortSignal,
): Promise<Pick<ServerFacts, 'listing' | 'listsAfter'>> {
  const root = connection.reserved.slice(0, -reservedPrefix.length);
  const { keys } = await list(connection, root, signal);
  const directoryBucket = connection.bucket.endsWith('--x-s3');
  if (!isAscending(keys) || directoryBucket) return { listing: 'unordered', listsAfter: false };
  const middle = keys[(keys.length - 1) >> 1];
  const listsAfter = middle !== undefined && (await startsAfter(connection, root, middle, keys, signal));
  return { listing: 'ordered', listsAfter };
}

/**
 * Whether a listing that starts after a key, one of those seen there in order, tells all that was seen after it, and nothing
 * else before that. Of the last one nothing is asked.
 */
async function startsAfter(
  connection: S3Connection,
  prefix: string,
  start: Key,
  seen: readonly Key[],
  signal: AbortSignal,
): Promise<boolean> {
  const rest = seen.slice(seen.indexOf(start) + 1);
  if (rest.length === 0) return false;
  const outcome = await attempt(list(connection, prefix, signal, start));
  return 'accepted' in outcome && rest.every((key, index) => outcome.accepted.keys[index] === key);
}

async function list(connection: S3Connection, prefix: string, signal: AbortSignal, after?: Key) {
  const position = after === undefined ? {} : { StartAfter: after };
  const answer = await requestPage(connection, prefix, position, signal);
  return { keys: toListed(connection, answer).map(({ key }) => key), encoded: answer.encoded };
}

function write({ client, sdk, bucket, call }: S3Connection, key: Key, signal: AbortSignal) {
  const input = { Bucket: bucket, Key: key, Body: Buffer.from('canary') };
  return call({ operation: 'PutObject', key }, signal, (options) =>
    client.send(new sdk.PutObjectCommand(input), options),
  );
}
