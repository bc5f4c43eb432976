import type { Clock } from '../objects/clock.ts';
import type { ErrorCode } from '../objects/errors.ts';

/** What a status says by itself, where nothing else in the answer is known. 503 is how S3 and Azure ask to slow down. */
export function codeOfStatus(status: number): ErrorCode {
  if (status === 404) return 'not-found';
  if (status === 401 || status === 403) return 'denied';
  if (status === 409 || status === 412) return 'conflict';
  if (status === 429 || status === 503) return 'throttled';
  if (status === 405 || status === 413 || status === 414 || status === 501) return 'unsupported';
  return status === 408 || status >= 500 ? 'unavailable' : 'invalid';
}

/** `Retry-After` in milliseconds: it holds seconds or an HTTP date (RFC 9110, 10.2.3). Undefined when it is neither. */
export function retryAfterMs(value: string | undefined, clock: Clock): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - clock.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Bytes of an object: from `from` on, up to `to` (exclusive) or to its end. */
export interface ByteRange {
  readonly from: number;
  readonly to: number | undefined;
}

export function isWhole({ from, to }: ByteRange): boolean {
  return from === 0 && to === undefined;
}

/** For the header `Range`. */
export function rangeHeader({ from, to }: ByteRange): string {
  return `bytes=${from}-${to === undefined ? '' : to - 1}`;
}

/** How many bytes of an object of `size` that is. */
export function lengthOf({ from, to = Infinity }: ByteRange, size: number): number {
  return Math.max(0, Math.min(to, size) - from);
}

/** What an answer with a body says of it. */
export interface Carrying {
  readonly contentLength?: number | undefined;
  /** `bytes 5-9/10`: these bytes of so many. */
  readonly contentRange?: string | undefined;
}

/**
 * The size of the whole object, as an answer tells it that carries the bytes asked for; undefined where it does not tell.
 * @throws what `refuse` makes of an answer that carries other bytes.
 */
export function wholeSize(
  { contentLength, contentRange }: Carrying,
  range: ByteRange,
  refuse: (code: ErrorCode, what: string) => Error,
): number | undefined {
  if (isWhole(range)) return contentLength;
  const asked = `the request for ${rangeHeader(range)}`;
  if (contentRange === undefined)
    throw refuse('unsupported', `${asked} was answered with the whole; it knows no ranges`);
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(contentRange) ?? [];
  const carried = Number(last) - Number(first) + 1;
  if (Number(first) === range.from && carried === lengthOf(range, Number(total))) return Number(total);
  // It knows where a range begins, and not where it ends, or does not tell how long the whole is: it can be read without.
  const half = range.to !== undefined && Number(first) === range.from && (total === '*' || Number(last) >= range.to);
  throw refuse(half ? 'unsupported' : 'invalid', `${asked} was answered with "${contentRange}"`);
}

/** The whole body of an answer. @throws what the body throws when it breaks off. */
export async function bytesOf(body: AsyncIterable<Uint8Array> | Uint8Array): Promise<Buffer> {
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.concat(await Array.fromAsync(body));
}
