import { ownFolders, type Privileges, type Usage } from '../privileges.ts';

interface Need {
  readonly action: string;
  /** What the action is granted on. */
  readonly on: 'bucket' | 'listing' | 'objects' | 'own-folders';
  readonly for: (usage: Usage) => boolean;
}

const always = (): boolean => true;
const never = (): boolean => false;
const asTarget = ({ role }: Usage): boolean => role === 'target';

const put: Need = { action: 's3:PutObject', on: 'objects', for: asTarget };
const get: readonly Need[] = [
  { action: 's3:GetObject', on: 'objects', for: always },
  { action: 's3:GetObjectVersion', on: 'objects', for: ({ role, history }) => role === 'target' && history },
];

/**
 * For every command that the code sends, what it takes
 * (docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html). A test compares it with the code.
 */
export const needs: Readonly<Record<string, readonly Need[]>> = {
  ListObjectsV2: [{ action: 's3:ListBucket', on: 'listing', for: always }],
  GetObject: get,
  HeadObject: get,
  PutObject: [put],
  CreateMultipartUpload: [put],
  UploadPart: [put],
  CompleteMultipartUpload: [put],
  ListParts: [{ action: 's3:ListMultipartUploadParts', on: 'objects', for: asTarget }],
  ListMultipartUploads: [{ action: 's3:ListBucketMultipartUploads', on: 'bucket', for: asTarget }],
  AbortMultipartUpload: [{ action: 's3:AbortMultipartUpload', on: 'objects', for: asTarget }],
  DeleteObject: [
    { action: 's3:DeleteObject', on: 'objects', for: ({ role, deletes }) => role === 'target' && deletes },
    { action: 's3:DeleteObject', on: 'own-folders', for: asTarget },
  ],
  GetBucketVersioning: [{ action: 's3:GetBucketVersioning', on: 'bucket', for: asTarget }],
  GetObjectLockConfiguration: [{ action: 's3:GetBucketObjectLockConfiguration', on: 'bucket', for: asTarget }],
  // Only `probe` asks, and hopes to be refused.
  ListBuckets: [{ action: 's3:ListAllMyBuckets', on: 'bucket', for: never }],
};

/** What would make copies unsafe. Denied in so many words, so that no other policy grants it. */
const dangers = {
  objects: ['s3:BypassGovernanceRetention', 's3:DeleteObjectVersion', 's3:PutObjectLegalHold', 's3:PutObjectRetention'],
  bucket: [
    's3:DeleteBucket',
    's3:DeleteBucketPolicy',
    's3:PutBucketObjectLockConfiguration',
    's3:PutBucketPolicy',
    's3:PutBucketVersioning',
    's3:PutLifecycleConfiguration',
    's3:PutReplicationConfiguration',
  ],
};

export interface S3Place {
  readonly bucket: string;
  readonly prefix?: string;
}

/** An IAM policy for the user or role whose credentials Holdfast gets. */
export function s3Privileges({ bucket, prefix = '' }: S3Place, usage: Usage): Privileges {
  const isArn = bucket.startsWith('arn:');
  const bucketArn = isArn ? bucket : `arn:aws:s3:::${bucket}`;
  const below = (path: string): string => `${bucketArn}/${isArn ? 'object/' : ''}${path}`;
  const pattern = `${literal(prefix)}*`;
  const granted = (on: Need['on']): string[] => actionsFor(usage, on);
  const condition = prefix === '' ? {} : { Condition: { StringLike: { 's3:prefix': pattern } } };
  const statements = [
    { Sid: 'HoldfastList', Effect: 'Allow', Action: granted('listing'), Resource: bucketArn, ...condition },
    { Sid: 'HoldfastSettings', Effect: 'Allow', Action: granted('bucket'), Resource: bucketArn },
    { Sid: 'HoldfastObjects', Effect: 'Allow', Action: granted('objects'), Resource: below(pattern) },
    {
      Sid: 'HoldfastOwnFolders',
      Effect: 'Allow',
      Action: granted('own-folders'),
      Resource: ownFolders.map((folder) => below(`${literal(prefix)}${folder}*`)),
    },
    { Sid: 'HoldfastNeverObjects', Effect: 'Deny', Action: dangers.objects, Resource: below('*') },
    { Sid: 'HoldfastNeverBucket', Effect: 'Deny', Action: dangers.bucket, Resource: bucketArn },
    ...(usage.role === 'source' ? [neverWrite(below('*'))] : []),
  ];
  const document = { Version: '2012-10-17', Statement: statements.filter(({ Action }) => Action.length > 0) };
  return { document, notes: notesFor(usage) };
}

function actionsFor(usage: Usage, on: Need['on']): string[] {
  const needed = Object.values(needs)
    .flat()
    .filter((need) => need.on === on && need.for(usage));
  return [...new Set(needed.map(({ action }) => action))];
}

function neverWrite(resource: string) {
  return { Sid: 'HoldfastNeverWrite', Effect: 'Deny', Action: ['s3:DeleteObject', 's3:PutObject'], Resource: resource };
}

/** `*`, `?` and `$` in a key are not patterns. */
function literal(prefix: string): string {
  return prefix.replaceAll(/[*?$]/g, (character) => `\${${character}}`);
}

function notesFor({ role, deletes }: Usage): string[] {
  const kms = 'With SSE-KMS also kms:Decrypt on the key, for a target kms:GenerateDataKey as well.';
  if (role === 'source') return [kms];
  return [
    kms,
    ...(deletes
      ? [
          's3:DeleteObject is there because a policy propagates deletes; at a bucket with versioning it leaves the version behind.',
        ]
      : [
          "Without s3:DeleteObject on the objects (it is granted on three folders of Holdfast's own, and not on all of .holdfast/, where odd keys are) a copy that was stored wrong stays until it is replaced.",
        ]),
    'So that stolen credentials cannot destroy copies: switch versioning on, and Object Lock with a default retention (GOVERNANCE, or COMPLIANCE, which nobody can lift); keep `deletes: { mode: retain }`; end noncurrent versions and incomplete uploads by a lifecycle rule that only an administrator may change.',
  ];
}
