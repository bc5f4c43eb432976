import type { IncomingMessage } from 'node:http';
import type { Answer } from './front.ts';
import { numberBefore, realKey, synthetic, syntheticPrefix, type Listed } from './synthetic.ts';

/** What a listing asks for, in whatever dialect. */
export interface ListRequest {
  readonly bucket: string;
  readonly prefix: string;
  /** Where the page begins: a token of ours, else a key. */
  readonly token: string | null;
  readonly from: string;
  readonly max: number;
}

export interface Page {
  readonly listed: readonly Listed[];
  readonly next: string | undefined;
}

/** How a kind of server is asked for a listing, and how it answers. */
export interface Dialect {
  readonly contentType: string;
  /** Undefined where something else is asked. */
  parse(request: IncomingMessage, url: URL): ListRequest | undefined;
  render(request: ListRequest, page: Page): string;
}

export interface SyntheticBuckets {
  /** How many objects the bucket of this name shows besides the real one. */
  count(bucket: string): number;
  /** The one object that exists, if it does. */
  real(bucket: string): Promise<Listed | undefined>;
}

/** Answers listings below the prefix in a server's stead, for a million real objects take hours to put there. */
export function syntheticListing({ contentType, parse, render }: Dialect, buckets: SyntheticBuckets): Answer {
  return async (incoming, response, url) => {
    const request = parse(incoming, url);
    if (request?.prefix.startsWith(syntheticPrefix) !== true) return false;
    const body = Buffer.from(render(request, await pageOf(request, buckets)));
    response.writeHead(200, { 'content-type': contentType, 'content-length': String(body.length) }).end(body);
    return true;
  };
}

async function pageOf({ bucket, prefix, token, from, max }: ListRequest, buckets: SyntheticBuckets): Promise<Page> {
  const count = buckets.count(bucket);
  const begin = token === null ? Math.max(numberBefore(prefix, count), numberBefore(from, count)) : Number(token);
  const end = numberBefore(`${prefix}\u{ffff}`, count);
  const listed = Array.from({ length: Math.max(0, Math.min(max, end - begin)) }, (_, index) =>
    synthetic(begin + index),
  );
  if (begin + listed.length < end) return { listed, next: String(begin + listed.length) };
  const real = realKey.startsWith(prefix) && realKey >= from ? await buckets.real(bucket) : undefined;
  return { listed: real === undefined ? listed : [...listed, real], next: undefined };
}
