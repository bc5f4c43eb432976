import type { ErrorCode } from '../../objects/errors.ts';

const byName: Readonly<Record<string, string>> = {
  ContainerNotFound: 'Create the container or correct "container"',
  ContainerBeingDeleted: 'The container is being deleted: use another one, or create it again when that is over',
  AuthenticationFailed:
    'Check accountKey, sasToken (also its expiry) or connectionString, and the clock of this machine',
  AuthorizationFailure:
    "The account's firewall or network rules keep this machine out, or the credentials lack a right",
  AuthorizationPermissionMismatch:
    'The credentials lack a right: give them "Storage Blob Data Contributor" on the container, or a SAS with read, create, write, delete and list',
  AuthorizationSourceIPMismatch: 'The SAS does not admit the address of this machine',
  KeyBasedAuthenticationNotPermitted:
    'The account forbids keys: leave out accountKey and sasToken to use an Azure identity',
  CredentialUnavailableError: 'No Azure identity was found: sign in, or set accountKey, sasToken or connectionString',
  AggregateAuthenticationError: 'No Azure identity was found: sign in, or set accountKey, sasToken or connectionString',
  BlobImmutableDueToPolicy: 'An immutability policy protects the blob until it expires',
  ContainerImmutableDueToPolicy: 'An immutability policy of the container protects the blob until it expires',
  BlobImmutableDueToLegalHold: 'A legal hold protects the blob until it is removed',
  LeaseIdMissing: 'Another program holds a lease on the blob: break the lease or wait until it ends',
  SnapshotsPresent: 'Another program made snapshots of the blob: delete these first if they are not needed',
  BlobArchived: 'The blob is in the archive tier: rehydrate it to an online tier first',
  InvalidBlockList: 'Another program wrote the blob meanwhile, which throws away the parts sent; they are sent anew',
  InvalidBlobOrBlock:
    'Another program left an unfinished upload of this blob with block ids of another length: finish it, or wait a week until Azure drops it',
  InvalidMd5: 'Something on the way changes headers',
  InvalidHeaderValue: 'Something on the way changes headers, or the service is too old for this program',
};

const byCode: Readonly<Partial<Record<ErrorCode, string>>> = {
  'not-found': 'It is not there',
  denied: 'Check the credentials and the rights they have on the container',
  throttled: 'Azure asks to slow down; it is tried again later. Lower "limits" if it persists',
  unavailable: 'It is tried again later',
  conflict: 'Somebody else changed the object; it is looked at anew',
  'checksum-mismatch': 'The bytes were damaged on their way and were not stored; they are sent again',
};

/** What to do next, as a sentence without its full stop. */
export function adviceFor(name: string, code: ErrorCode): string | undefined {
  return byName[name] ?? byCode[code];
}
