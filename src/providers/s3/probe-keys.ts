import type { S3Connection } from './client.ts';
import type { Key } from '../../objects/key.ts';
import { reservedPrefix } from '../../objects/key.ts';
import { isAscending, orderCanaries } from '../key-order.ts';
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
): Promise<Pick<ServerFacts, 'listing' | 'keys'>> {
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
): Promise<Pick<ServerFacts, 'listing'>> {
  const root = connection.reserved.slice(0, -reservedPrefix.length);
  const { keys } = await list(connection, root, signal);
  const directoryBucket = connection.bucket.endsWith('--x-s3');
  return { listing: isAscending(keys) && !directoryBucket ? 'ordered' : 'unordered' };
}

async function list(connection: S3Connection, prefix: string, signal: AbortSignal) {
  const answer = await requestPage(connection, prefix, {}, signal);
  return { keys: toListed(connection, answer).map(({ key }) => key), encoded: answer.encoded };
}

function write({ client, sdk, bucket, call }: S3Connection, key: Key, signal: AbortSignal) {
  const input = { Bucket: bucket, Key: key, Body: Buffer.from('canary') };
  return call({ operation: 'PutObject', key }, signal, (options) =>
    client.send(new sdk.PutObjectCommand(input), options),
  );
}
