import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../objects/clock.ts';
import type { ErrorCode } from '../../objects/errors.ts';
import { errorMessage, ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { codeOfStatus, retryAfterMs } from '../http-answers.ts';
import { CredentialsError } from './credentials.ts';

/** What was being done, for messages: `read`, `write part 3 of`, … */
export interface Operation {
  readonly provider: string;
  readonly bucket: string;
  readonly verb: string;
  readonly key?: Key;
}

/** An answer that is not the one hoped for. */
export interface Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const throttlingReasons = /rateLimitExceeded|quotaExceeded|userRateLimit|slowDown/i;
const checksumWords = /crc32c|md5|checksum|x-goog-hash|hash mismatch/i;

const advice: Readonly<Partial<Record<ErrorCode, string>>> = {
  denied: 'Check keyFile or the application default credentials, and the IAM roles they have on the bucket.',
  throttled: 'It is tried again later; lower limits if it persists.',
  unavailable: 'It is tried again later.',
  conflict: 'Somebody else changed the object; it is looked at anew.',
  'checksum-mismatch': 'The bytes were damaged on their way; they are sent again.',
};

export function fail(code: ErrorCode, what: string, operation: Operation, cause?: unknown): ProviderError {
  const { provider, bucket, verb, key } = operation;
  const place = key === undefined ? `bucket "${bucket}"` : `${JSON.stringify(key)} in bucket "${bucket}"`;
  const message = [`cannot ${verb} ${place}: ${what}`, advice[code]].filter((part) => part !== undefined).join('. ');
  return new ProviderError(code, message, {
    provider,
    ...(key === undefined ? {} : { key }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The typed error for an answer of Cloud Storage. Statuses: cloud.google.com/storage/docs/json_api/v1/status-codes */
export function refused(refusal: Refusal, operation: Operation, clock: Clock): ProviderError {
  const { reason, message } = explanation(refusal.text);
  const code = codeOf(refusal.status, `${reason} ${message}`);
  const told = message === '' ? '' : `: ${message}`;
  const error = fail(code, `it answered ${refusal.status}${told}`, operation);
  const wait = retryAfterMs(refusal.headers['retry-after'], clock);
  if (wait === undefined) return error;
  return new ProviderError(code, error.message, {
    provider: error.provider,
    ...withKey(operation),
    retryAfterMs: wait,
  });
}

/** The typed error for whatever else was thrown; a ProviderError stays as it is. */
export function translated(error: unknown, operation: Operation, signal: AbortSignal): ProviderError {
  if (error instanceof ProviderError) return error;
  if (signal.aborted) return fail('aborted', 'the call was aborted', operation, signal.reason);
  if (error instanceof CredentialsError)
    return fail(error.passing ? 'unavailable' : 'denied', error.message, operation);
  return fail('unavailable', `the connection failed (${describe(error)})`, operation, error);
}

function codeOf(status: number, text: string): ErrorCode {
  if (status === 403 && throttlingReasons.test(text)) return 'throttled';
  // Here 503 is an outage of the backend; who shall slow down is told 429.
  if (status === 503) return 'unavailable';
  return status === 400 && checksumWords.test(text) ? 'checksum-mismatch' : codeOfStatus(status);
}

/** Errors of the JSON API are JSON, those of downloads are plain text or XML. */
function explanation(text: string): { reason: string; message: string } {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown; errors?: { reason?: unknown }[] } };
    return { reason: textOf(error?.errors?.[0]?.reason), message: clean(textOf(error?.message)) };
  } catch {
    return { reason: '', message: clean(text) };
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function clean(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 300);
}

function withKey({ key }: Operation): { key?: Key } {
  return key === undefined ? {} : { key };
}

function describe(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = errorMessage(error);
  return code === '' || message.includes(code) ? message : `${code} ${message}`;
}
