import type { Privileges, Usage } from '../privileges.ts';

const blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs';

interface Need {
  /** A data action of a role. */
  readonly action: string;
  /** The letter of a shared access signature. */
  readonly letter: string;
  readonly for: (usage: Usage) => boolean;
}

const always = (): boolean => true;
const never = (): boolean => false;
const asTarget = ({ role }: Usage): boolean => role === 'target';
const read: Need = { action: `${blobs}/read`, letter: 'r', for: always };
const write: readonly Need[] = [
  { action: `${blobs}/write`, letter: 'w', for: asTarget },
  { action: `${blobs}/add/action`, letter: 'c', for: asTarget },
];
const remove: Need = {
  action: `${blobs}/delete`,
  letter: 'd',
  for: ({ role, deletes }) => role === 'target' && deletes,
};

/**
 * For every request of the SDK that the code makes, what it takes
 * (learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory). A test compares it with the code.
 */
export const needs: Readonly<Record<string, readonly Need[]>> = {
  listBlobsFlat: [{ action: `${blobs}/read`, letter: 'l', for: always }],
  download: [read],
  downloadToBuffer: [read],
  // Of a blob; of the container and the account only `probe` asks, and does without.
  getProperties: [read],
  upload: write,
  stageBlock: write,
  commitBlockList: write,
  getBlockList: [read],
  delete: [remove],
  deleteIfExists: [remove],
  // Only `probe` asks, and hopes to be refused.
  listContainers: [
    { action: 'Microsoft.Storage/storageAccounts/blobServices/containers/read', letter: 'l', for: never },
  ],
};

export interface AzurePlace {
  readonly container: string;
  readonly account?: string;
  readonly prefix?: string;
}

/** A custom role, and the letters of a signature that grants the same. */
export function azurePrivileges(
  { container, account = '<account>', prefix = '' }: AzurePlace,
  usage: Usage,
): Privileges {
  const needed = Object.values(needs)
    .flat()
    .filter((need) => need.for(usage));
  const actions = [...new Set(needed.map(({ action }) => action))];
  const storage = `/subscriptions/<subscription>/resourceGroups/<group>/providers/Microsoft.Storage/storageAccounts/${account}`;
  const document = {
    role: {
      Name: usage.role === 'source' ? 'Holdfast source' : 'Holdfast target',
      IsCustom: true,
      Description: 'What Holdfast needs of one container',
      Actions: [],
      DataActions: actions,
      AssignableScopes: ['/subscriptions/<subscription>'],
    },
    assignment: {
      scope: `${storage}/blobServices/default/containers/${container}`,
      ...(prefix !== '' && { conditionVersion: '2.0', condition: conditionFor(actions, prefix) }),
    },
    sas: {
      signedResource: 'c',
      signedPermissions: inOrder(needed.map(({ letter }) => letter)),
      signedProtocol: 'https',
    },
  };
  return { document, notes: notesFor(usage, prefix) };
}

/** Azure wants the letters in this order. */
function inOrder(letters: readonly string[]): string {
  return 'racwdxyltmeopi'
    .split('')
    .filter((letter) => letters.includes(letter))
    .join('');
}

/** Everything but listing is about a blob's path; a listing is about its prefix. */
function conditionFor(actions: readonly string[], prefix: string): string {
  const quoted = `'${prefix.replaceAll("'", "''")}'`;
  const list = `(ActionMatches{'${blobs}/read'} AND SubOperationMatches{'Blob.List'})`;
  const others = actions.map((action) =>
    action === `${blobs}/read`
      ? `(ActionMatches{'${action}'} AND NOT SubOperationMatches{'Blob.List'})`
      : `ActionMatches{'${action}'}`,
  );
  const onPaths = `((!(${others.join(' OR ')})) OR (@Resource[${blobs}:path] StringStartsWith ${quoted}))`;
  return `${onPaths} AND ((!${list}) OR (@Request[${blobs}:prefix] StringStartsWith ${quoted}))`;
}

function notesFor({ role, deletes }: Usage, prefix: string): string[] {
  return [
    'An identity with this role is better than a signature, and both are better than the account key, which allows everything in the whole account and cannot be limited.',
    ...(prefix === ''
      ? []
      : ['A signature for a container cannot be limited to a prefix; a role can, by its condition.']),
    ...(role === 'source' ? [] : protection(deletes)),
  ];
}

function protection(deletes: boolean): string[] {
  return [
    ...(deletes
      ? []
      : [
          'Without the right to delete, canaries and older snapshots of the catalog stay, and so does a copy that was stored wrong, until it is replaced.',
        ]),
    'So that stolen credentials cannot destroy copies: switch on blob versioning, soft delete of blobs and of containers for some weeks, and forbid account keys (allowSharedKeyAccess: false); a version-level immutability policy holds even against administrators once it is locked; keep `deletes: { mode: retain }`.',
  ];
}
