import { ownFolders, type Privileges, type Usage } from '../privileges.ts';

const blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs';

interface Need {
  /** A data action of a role. */
  readonly action: string;
  /** The letter of a shared access signature. */
  readonly letter: string;
  readonly for: (usage: Usage) => boolean;
  /** Whether it is for `ownFolders` only. */
  readonly limited?: (usage: Usage) => boolean;
}

const always = (): boolean => true;
const never = (): boolean => false;
const asTarget = ({ role }: Usage): boolean => role === 'target';
const read: Need = { action: `${blobs}/read`, letter: 'r', for: always };
const write: readonly Need[] = [
  { action: `${blobs}/write`, letter: 'w', for: asTarget },
  { action: `${blobs}/add/action`, letter: 'c', for: asTarget },
];
const list: Need = { action: `${blobs}/read`, letter: 'l', for: always };
const remove: Need = {
  action: `${blobs}/delete`,
  letter: 'd',
  for: asTarget,
  limited: ({ deletes }) => !deletes,
};

/**
 * For every request of the SDK that the code makes, what it takes
 * (learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory). A test compares it with the code.
 */
export const needs: Readonly<Record<string, readonly Need[]>> = {
  listBlobsFlat: [list],
  listBlobFlatSegmentApacheArrow: [list],
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
  const limited = needed.filter((need) => need.limited?.(usage) === true);
  const conditions = [
    ...(prefix === '' ? [] : [belowPrefix(actions, prefix)]),
    ...[...new Set(limited.map(({ action }) => `ActionMatches{'${action}'}`))].map((match) =>
      onPaths(
        [match],
        ownFolders.map((folder) => prefix + folder),
      ),
    ),
  ];
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
      ...(conditions.length > 0 && { conditionVersion: '2.0', condition: conditions.join(' AND ') }),
    },
    sas: {
      signedResource: 'c',
      // A signature cannot be limited to a path.
      signedPermissions: inOrder(needed.filter((need) => !limited.includes(need)).map(({ letter }) => letter)),
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
function belowPrefix(actions: readonly string[], prefix: string): string {
  const list = `(ActionMatches{'${blobs}/read'} AND SubOperationMatches{'Blob.List'})`;
  const others = actions.map((action) =>
    action === `${blobs}/read`
      ? `(ActionMatches{'${action}'} AND NOT SubOperationMatches{'Blob.List'})`
      : `ActionMatches{'${action}'}`,
  );
  return `${onPaths(others, [prefix])} AND ((!${list}) OR (@Request[${blobs}:prefix] StringStartsWith ${quoted(prefix)}))`;
}

function onPaths(matches: readonly string[], starts: readonly string[]): string {
  const below = starts.map((start) => `@Resource[${blobs}:path] StringStartsWith ${quoted(start)}`);
  return `((!(${matches.join(' OR ')})) OR (${below.join(' OR ')}))`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
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
          "The role's condition lets it delete in three folders of Holdfast's own and nowhere else, so that a copy that was stored wrong stays until it is replaced.",
          'A signature has no such condition: without the letter d canaries, older snapshots of the catalog and versions kept by a `history` whose time is over stay and are billed (a lifecycle rule may end what is below .holdfast/catalog/ and .holdfast/probe/, and nothing else of .holdfast/); with it, whoever has the signature may delete every copy.',
        ]),
    'So that stolen credentials cannot destroy copies: switch on blob versioning, soft delete of blobs and of containers for some weeks, and forbid account keys (allowSharedKeyAccess: false); a version-level immutability policy holds even against administrators once it is locked; keep `deletes: { mode: retain }`.',
  ];
}
