import type { Key } from './key.ts';

/** Why a provider could not do what was asked. The set is closed; a code names the cause, not the operation. */
export const errorCodes = [
  'not-found',
  'denied',
  'throttled',
  'unavailable',
  'conflict',
  'checksum-mismatch',
  'invalid',
  'unsupported',
  'aborted',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Codes after which the same call may succeed later without anybody changing anything. */
const retryableCodes: ReadonlySet<ErrorCode> = new Set(['throttled', 'unavailable']);

export function isRetryable(code: ErrorCode): boolean {
  return retryableCodes.has(code);
}

export interface ProviderErrorDetails {
  /** The provider's name in the configuration. */
  readonly provider: string;
  readonly key?: Key;
  readonly cause?: unknown;
  /** How long the provider asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** The one error that crosses the provider seam. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly code: ErrorCode;
  readonly provider: string;
  readonly key: Key | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, details: ProviderErrorDetails) {
    super(message, 'cause' in details ? { cause: details.cause } : {});
    this.code = code;
    this.provider = details.provider;
    this.key = details.key;
    this.retryAfterMs = details.retryAfterMs;
  }

  get retryable(): boolean {
    return isRetryable(this.code);
  }
}

/** An error that a person made or must mend: bad usage, configuration, a catalog of a newer program. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
