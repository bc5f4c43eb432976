import type { Clock } from '../../objects/clock.ts';
import { ProviderError } from '../../objects/errors.ts';
import type { ErrorCode } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { codeOfStatus, retryAfterMs } from '../http-answers.ts';
import { isPathLike } from './keys.ts';

export interface FailedCall {
  readonly provider: string;
  readonly bucket: string;
  readonly operation: string;
  readonly key?: Key;
}

/** What the SDK throws, as far as it is read here. Nothing of it is trusted to be there. */
interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly ArgumentName?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** The one place where SDK errors become ours. An error that is ours already passes unchanged. */
export function translateError(error: unknown, call: FailedCall, signal: AbortSignal, clock: Clock): ProviderError {
  if (error instanceof ProviderError) return error;
  const sdkError: SdkError = error instanceof Error ? error : { message: String(error) };
  const code = signal.aborted ? 'aborted' : codeOf(sdkError, call.key);
  const wait = retryAfterMs(sdkError.$response?.headers?.['retry-after'], clock);
  return new ProviderError(code, message(sdkError, code, call), {
    provider: call.provider,
    cause: error,
    ...(call.key === undefined ? {} : { key: call.key }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

/** What S3 and its relatives call it. Codes come before statuses: versitygw answers ObjectParentIsFile with 409. */
const byName: Readonly<Record<string, ErrorCode>> = {
  AbortError: 'aborted',
  NoSuchKey: 'not-found',
  NoSuchBucket: 'not-found',
  NoSuchUpload: 'not-found',
  NotFound: 'not-found',
  AccessDenied: 'denied',
  AccountProblem: 'denied',
  AllAccessDisabled: 'denied',
  AuthorizationHeaderMalformed: 'invalid',
  CredentialsProviderError: 'denied',
  ExpiredToken: 'denied',
  InvalidAccessKeyId: 'denied',
  InvalidToken: 'denied',
  RequestTimeTooSkewed: 'denied',
  SignatureDoesNotMatch: 'denied',
  TokenRefreshRequired: 'denied',
  BandwidthLimitExceeded: 'throttled',
  RequestLimitExceeded: 'throttled',
  ServiceUnavailable: 'throttled',
  SlowDown: 'throttled',
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  TooManyRequests: 'throttled',
  TooManyRequestsException: 'throttled',
  IncompleteBody: 'unavailable',
  InternalError: 'unavailable',
  RequestTimeout: 'unavailable',
  TimeoutError: 'unavailable',
  XmlError: 'unavailable',
  ConditionalRequestConflict: 'conflict',
  OperationAborted: 'conflict',
  PreconditionFailed: 'conflict',
  BadDigest: 'checksum-mismatch',
  InvalidDigest: 'checksum-mismatch',
  XAmzContentChecksumMismatch: 'checksum-mismatch',
  XAmzContentSHA256Mismatch: 'checksum-mismatch',
  DirectoryObjectContainsData: 'unsupported',
  EntityTooLarge: 'unsupported',
  ExistingObjectIsDirectory: 'unsupported',
  InvalidObjectState: 'unsupported',
  InvalidURI: 'unsupported',
  KeyTooLong: 'unsupported',
  KeyTooLongError: 'unsupported',
  MethodNotAllowed: 'unsupported',
  NotImplemented: 'unsupported',
  ObjectParentIsFile: 'unsupported',
  XMinioInvalidObjectName: 'unsupported',
  XMinioObjectExistsAsDirectory: 'unsupported',
  XMinioParentIsObject: 'unsupported',
};

const networkCodes =
  /^(ECONN|EPIPE|EHOST|ENET|ETIMEDOUT|ESOCKET|ENOTFOUND|EAI_|ERR_STREAM_PREMATURE_CLOSE|ERR_PROXY_TUNNEL|UND_ERR)/;

function codeOf(error: SdkError, key: Key | undefined): ErrorCode {
  const named = byName[error.name ?? ''] ?? byArgument(error);
  if (named !== undefined) return named;
  if (networkCodes.test(error.code ?? '') || error.message === 'socket hang up' || error.message === 'aborted')
    return 'unavailable';
  const status = error.$metadata?.httpStatusCode;
  // Servers refuse `..` and `.` before they are S3: a bare 400 without an S3 error in it.
  if (status === 400 && key !== undefined && isPathLike(key) && !isS3Code(error.name)) return 'unsupported';
  return status === undefined ? 'invalid' : codeOfStatus(status);
}

function byArgument({ name, message = '', ArgumentName: argument = '' }: SdkError): ErrorCode | undefined {
  if (name === 'InvalidRequest' && /checksum|digest/i.test(message)) return 'checksum-mismatch';
  if (name === 'InvalidArgument' && /\bkey\b|object name/i.test(`${argument} ${message}`)) return 'unsupported';
  return name?.startsWith('KMS.') === true ? 'denied' : undefined;
}

function isS3Code(name: string | undefined): boolean {
  return name !== undefined && /^[A-Z][A-Za-z.]+$/.test(name) && name !== 'Unknown' && name !== 'Error';
}

function message(error: SdkError, code: ErrorCode, { bucket, operation, key }: FailedCall): string {
  const where = key === undefined ? `bucket "${bucket}"` : `${JSON.stringify(key)} in bucket "${bucket}"`;
  const advice = adviceFor(error, code);
  return `S3 ${operation} of ${where} failed: ${reason(error)}${advice === '' ? '' : `. ${advice}`}`;
}

function reason({ name, message: text, code, $metadata: metadata }: SdkError): string {
  const status = metadata?.httpStatusCode;
  const what = isS3Code(name) ? (name ?? '') : (code ?? (status === undefined ? 'error' : `HTTP ${status}`));
  const said = text === undefined || text === '' || text === 'UnknownError' ? '' : `: ${text.split('\n')[0]}`;
  return `${what}${said.replace(/\.$/, '')}`;
}

const adviceByName: Readonly<Record<string, string>> = {
  NoSuchBucket: 'The bucket does not exist: create it or correct "bucket"',
  PermanentRedirect: 'The bucket is in another region: set "region" to it',
  AuthorizationHeaderMalformed: 'The bucket is in another region: set "region" to it',
  ExpiredToken: 'The session token has expired: supply fresh credentials',
  InvalidToken: 'The session token is not valid: supply fresh credentials',
  InvalidAccessKeyId: 'The server does not know this access key id: correct "credentials"',
  SignatureDoesNotMatch: 'The secret access key does not belong to the access key id: correct "credentials"',
  RequestTimeTooSkewed: "This machine's clock is wrong: set it",
  CredentialsProviderError: 'No credentials were found: set "credentials" or the environment the AWS SDK reads',
  XmlError: 'The answer is not whole: check the server or a proxy in front of it',
  InvalidObjectState: 'The object is archived: restore it to a readable storage class first',
};

const adviceByCode: Readonly<Partial<Record<ErrorCode, string>>> = {
  denied: 'The credentials do not allow it: check the policies of the user and of the bucket',
  throttled: 'The server asks to slow down; it is tried again later',
  'checksum-mismatch': 'The bytes arrived damaged and were not stored',
  unsupported: 'The server cannot hold this object or lacks this feature',
  conflict: 'The object is not in the state that was expected',
};

function adviceFor(error: SdkError, code: ErrorCode): string {
  return adviceByName[error.name ?? ''] ?? adviceByCode[code] ?? '';
}
