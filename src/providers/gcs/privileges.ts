import type { Privileges, Usage } from '../privileges.ts';

const objects = {
  get: 'storage.objects.get',
  list: 'storage.objects.list',
  create: 'storage.objects.create',
  delete: 'storage.objects.delete',
} as const;

/**
 * For every request that the code sends, by method and kind of path, the permissions it takes
 * (cloud.google.com/storage/docs/access-control/iam-json). A test compares it with what is sent.
 */
export const needs: Readonly<Record<string, readonly string[]>> = {
  'GET bucket': ['storage.buckets.get'],
  'GET objects': [objects.list],
  'GET object': [objects.get],
  // To replace an object takes the right to delete it.
  'POST upload': [objects.create, objects.delete],
  'PUT upload': [objects.create],
  'DELETE upload': [objects.create],
  'DELETE object': [objects.delete],
  // Anybody may ask what he himself may do.
  'GET permissions': [],
  // Only `probe` asks, and hopes to be refused.
  'GET buckets': [],
};

/** The kind of request, as `needs` calls it. */
export function requestKind(method: string, path: string): string {
  const [, upload, bucket, rest = ''] = /^(\/upload)?\/storage\/v1\/b(\/[^/?]+)?([^?]*)/.exec(path) ?? [];
  if (upload !== undefined) return `${method} upload`;
  if (bucket === undefined) return `${method} buckets`;
  if (rest.startsWith('/iam/')) return `${method} permissions`;
  if (rest === '') return `${method} bucket`;
  return `${method} ${rest === '/o' ? 'objects' : 'object'}`;
}

export interface GcsPlace {
  readonly bucket: string;
  readonly prefix?: string;
  readonly projectId?: string;
}

/** Two custom roles and how to grant them: on the objects below the prefix, and on the bucket itself. */
export function gcsPrivileges(place: GcsPlace, usage: Usage): Privileges {
  const { bucket, prefix = '', projectId = '<project>' } = place;
  const name = usage.role === 'source' ? 'holdfastSource' : 'holdfastTarget';
  const member = 'serviceAccount:<account>@<project>.iam.gserviceaccount.com';
  const binding = (role: string) => ({ role: `projects/${projectId}/roles/${role}`, members: [member] });
  const document = {
    roles: [
      { roleId: name, stage: 'GA', includedPermissions: permissionsFor(usage) },
      { roleId: 'holdfastBucket', stage: 'GA', includedPermissions: ['storage.buckets.get'] },
    ],
    bucket: `gs://${bucket}`,
    bindings: [{ ...binding(name), ...conditionFor(bucket, prefix) }, binding('holdfastBucket')],
  };
  return { document, notes: notesFor(usage) };
}

function permissionsFor({ role }: Usage): string[] {
  return role === 'source' ? [objects.get, objects.list] : Object.values(objects);
}

/** A listing has no object's name; its prefix is an attribute of the request. */
function conditionFor(bucket: string, prefix: string): object {
  if (prefix === '') return {};
  const quoted = JSON.stringify(prefix);
  const name = JSON.stringify(`projects/_/buckets/${bucket}/objects/${prefix}`);
  const expression = [
    `resource.name.startsWith(${name})`,
    `api.getAttribute("storage.googleapis.com/objectListPrefix", "").startsWith(${quoted})`,
  ].join(' || ');
  return { condition: { title: 'holdfast-prefix', expression } };
}

function notesFor({ role }: Usage): string[] {
  if (role === 'source') return ['holdfastBucket lets Holdfast see that the bucket is there; it works without.'];
  return [
    'Cloud Storage has one right, storage.objects.delete, for replacing, deleting and deleting for good: a target that must take over changes needs it.',
    'So that stolen credentials cannot destroy copies: set a soft delete policy of some weeks (what is deleted or replaced can be restored for that time) or a locked retention policy, and give nobody who uses Holdfast storage.buckets.update, .delete or .setIamPolicy; keep `deletes: { mode: retain }`.',
  ];
}
