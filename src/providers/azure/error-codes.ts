import type { ErrorCode } from '../../objects/errors.ts';

/**
 * What Azure and its SDK call their errors
 * (learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and …/common-rest-api-error-codes).
 * What is not named here goes by its HTTP status.
 */
export const codes: Readonly<Record<string, ErrorCode>> = {
  BlobNotFound: 'not-found',
  ContainerNotFound: 'not-found',
  ResourceNotFound: 'not-found',
  ContainerBeingDeleted: 'not-found',

  AccountIsDisabled: 'denied',
  AuthenticationFailed: 'denied',
  AuthorizationFailure: 'denied',
  AuthorizationPermissionMismatch: 'denied',
  AuthorizationProtocolMismatch: 'denied',
  AuthorizationResourceTypeMismatch: 'denied',
  AuthorizationServiceMismatch: 'denied',
  AuthorizationSourceIPMismatch: 'denied',
  BlobImmutableDueToPolicy: 'denied',
  BlobImmutableDueToLegalHold: 'denied',
  ContainerImmutableDueToPolicy: 'denied',
  InsufficientAccountPermissions: 'denied',
  InvalidAuthenticationInfo: 'denied',
  KeyBasedAuthenticationNotPermitted: 'denied',
  LeaseIdMissing: 'denied',
  LeaseIdMismatchWithBlobOperation: 'denied',
  NoAuthenticationInformation: 'denied',
  PublicAccessNotPermitted: 'denied',
  SnapshotsPresent: 'denied',
  // @azure/identity
  AuthenticationError: 'denied',
  AuthenticationRequiredError: 'denied',
  AggregateAuthenticationError: 'denied',
  CredentialUnavailableError: 'denied',

  ServerBusy: 'throttled',
  TooManyRequests: 'throttled',
  OperationTimedOut: 'unavailable',
  InternalError: 'unavailable',
  // Ours was never aborted where this is looked up: the connection was.
  AbortError: 'unavailable',
  PARSE_ERROR: 'unavailable',
  REQUEST_SEND_ERROR: 'unavailable',

  BlobAlreadyExists: 'conflict',
  ConditionNotMet: 'conflict',
  ResourceAlreadyExists: 'conflict',
  TargetConditionNotMet: 'conflict',
  // Another write of the same blob throws away all of its uncommitted blocks, ours included.
  InvalidBlockList: 'conflict',

  Md5Mismatch: 'checksum-mismatch',
  Crc64Mismatch: 'checksum-mismatch',

  BlobArchived: 'unsupported',
  BlobTypeNotSupported: 'unsupported',
  BlockCountExceedsLimit: 'unsupported',
  BlockListTooLong: 'unsupported',
  FeatureNotSupported: 'unsupported',
  InvalidBlobType: 'unsupported',
  InvalidResourceName: 'unsupported',
  InvalidUri: 'unsupported',
  OutOfRangeInput: 'unsupported',
  PathConflict: 'unsupported',
  RequestBodyTooLarge: 'unsupported',
  RequestUrlFailedToParse: 'unsupported',
  ResourceTypeMismatch: 'unsupported',
  UnsupportedHeader: 'unsupported',
};
