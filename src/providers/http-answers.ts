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

/**
 * The size of the whole object in an answer that carries its bytes from `from` on: `bytes 5-9/10` tells it. Undefined
 * when the answer is about other bytes, as of a server that ignores ranges.
 */
export function wholeSize(
  answer: { readonly contentLength?: number | undefined; readonly contentRange?: string | undefined },
  from: number,
): number | undefined {
  if (from === 0) return answer.contentLength;
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.contentRange ?? '') ?? [];
  return Number(first) === from ? Number(total) : undefined;
}

/** The whole body of an answer. @throws what the body throws when it breaks off. */
export async function bytesOf(body: AsyncIterable<Uint8Array> | Uint8Array): Promise<Buffer> {
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.concat(await Array.fromAsync(body));
}
