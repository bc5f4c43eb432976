import type { Clock } from '../../objects/clock.ts';
import type { ErrorCode } from '../../objects/errors.ts';
import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { codeOfStatus, retryAfterMs } from '../http-answers.ts';
import { adviceFor } from './advice.ts';
import { codes } from './error-codes.ts';

/** What was being done, for messages. */
export interface Operation {
  readonly provider: string;
  readonly container: string;
  /** `read`, `write`, `write part 3 of`, … */
  readonly verb: string;
  readonly key?: Key;
}

/** What the SDK throws, as far as it is read here. Nothing of it is trusted to be there. */
interface SdkError {
  readonly name?: string | undefined;
  readonly message?: string | undefined;
  /** Azure's error code (`BlobNotFound`), or Node's (`ECONNRESET`). */
  readonly code?: string | undefined;
  readonly statusCode?: number | undefined;
  readonly response?: { readonly headers?: { get(name: string): string | undefined } } | undefined;
}

export function fail(code: ErrorCode, what: string, operation: Operation, cause?: unknown): ProviderError {
  const { provider, key } = operation;
  return new ProviderError(code, `${subject(operation)}: ${what}`, {
    provider,
    ...(key === undefined ? {} : { key }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * The one place where the SDK's errors become ours. An error that is ours already passes unchanged.
 * The SDK's error itself does not go along as the cause: it holds the request with its URL (a SAS) and headers.
 */
export function translated(error: unknown, operation: Operation, signal: AbortSignal, clock: Clock): ProviderError {
  if (error instanceof ProviderError) return error;
  if (signal.aborted) return fail('aborted', 'the call was aborted', operation, signal.reason);
  const sdkError = named(error instanceof Error ? error : { message: String(error) });
  const code = codeOf(sdkError);
  const wait = retryAfter(sdkError, clock);
  const { provider, key } = operation;
  return new ProviderError(code, `${subject(operation)}: ${explained(sdkError, code)}`, {
    provider,
    ...(key === undefined ? {} : { key }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

/** Runs one call of the SDK; whatever it throws becomes a ProviderError. An aborted signal never starts it. */
export type Attempt = <T>(
  operation: Omit<Operation, 'provider' | 'container'>,
  call: () => Promise<T>,
  signal: AbortSignal,
) => Promise<T>;

export function attempting(place: Pick<Operation, 'provider' | 'container'>, clock: Clock): Attempt {
  return async (doing, call, signal) => {
    const operation = { ...place, ...doing };
    if (signal.aborted) throw translated(signal.reason, operation, signal, clock);
    try {
      return await call();
    } catch (error) {
      throw translated(error, operation, signal, clock);
    }
  };
}

/** Whether an error leaves open what a probe wanted to know: an outage, or credentials that lack a right. */
export function tellsNothing(error: unknown): boolean {
  if (!(error instanceof ProviderError)) return true;
  return error.retryable || ['aborted', 'denied', 'not-found'].includes(error.code);
}

/** The answer to a HEAD has no body; Azure's code is in a header then. */
function named(error: SdkError): SdkError {
  const { name, message, statusCode, response } = error;
  return { name, message, statusCode, response, code: response?.headers?.get('x-ms-error-code') ?? error.code };
}

function codeOf(error: SdkError): ErrorCode {
  const known = codes[error.code ?? ''] ?? codes[error.name ?? ''];
  if (known !== undefined) return known;
  const status = error.statusCode;
  // Without an answer it is the network, or a connection that broke off while a body was read.
  return status === undefined ? 'unavailable' : codeOfStatus(status);
}

function explained(error: SdkError, code: ErrorCode): string {
  const advice = adviceFor(error.code ?? error.name ?? '', code);
  return advice === undefined ? `${reason(error)}.` : `${reason(error)}. ${advice}.`;
}

function reason({ code, message, statusCode, response }: SdkError): string {
  const what = code ?? (statusCode === undefined ? 'the connection failed' : `HTTP ${statusCode}`);
  // The first line; the others repeat the request id and the time.
  const said = withoutSecrets((message ?? '').split('\n')[0] ?? '')
    .replace(/\.\s*$/, '')
    .slice(0, 300);
  const id = response?.headers?.get('x-ms-request-id');
  return `${what}${said === '' || said === code ? '' : `: ${said}`}${id === undefined ? '' : ` (request ${id})`}`;
}

/** What may be shown of a message of the SDK: its own sentences, not what it was given. */
export function withoutSecrets(text: string): string {
  return text.replaceAll(/\b(sig|AccountKey|SharedAccessSignature)=[^&;\s"']+/gi, '$1=…');
}

function retryAfter({ response }: SdkError, clock: Clock): number | undefined {
  const ms = response?.headers?.get('x-ms-retry-after-ms');
  if (ms !== undefined && /^\d+$/.test(ms)) return Number(ms);
  return retryAfterMs(response?.headers?.get('retry-after'), clock);
}

function subject({ container, verb, key }: Operation): string {
  const place = key === undefined ? `container "${container}"` : `${JSON.stringify(key)} in container "${container}"`;
  return `cannot ${verb} ${place}`;
}
