import diagnostics from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BlobServiceClient, BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import { azurePrivileges, needs as azureNeeds } from '../../../src/providers/azure/privileges.ts';
import { filesystemPrivileges } from '../../../src/providers/filesystem/privileges.ts';
import { gcsPrivileges, needs as gcsNeeds, requestKind } from '../../../src/providers/gcs/privileges.ts';
import { ownFolders, privilegesOf, type Usage } from '../../../src/providers/privileges.ts';
import { needs as s3Needs, s3Privileges } from '../../../src/providers/s3/privileges.ts';
import { descriptionKey } from '../../../src/providers/description.ts';
import { encodedPrefix } from '../../../src/providers/key-encoding.ts';
import { historyPrefix } from '../../../src/replication/kept-name.ts';
import { catalogPrefix } from '../../../src/replication/snapshot-name.ts';
import { bytesOf } from '../../support/bytes.ts';
import { calm, openRoom, partsOf, put, readAll, shapeOf, describedBytes } from '../../support/fake-gcs/room.ts';

const source: Usage = { role: 'source', deletes: false, history: false };
const target: Usage = { role: 'target', deletes: false, history: false };
const everything: Usage = { role: 'target', deletes: true, history: true };

const providers = resolve(import.meta.dirname, '../../../src/providers');

async function sourcesOf(room: string): Promise<string> {
  const names = (await readdir(join(providers, room))).filter((name) => name.endsWith('.ts'));
  return (await Promise.all(names.map((name) => readFile(join(providers, room, name), 'utf8')))).join('\n');
}

function matches(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].toSorted((a, b) => (a < b ? -1 : 1));
}

const byName = (a: string, b: string): number => (a < b ? -1 : 1);

test('every command sent to S3 has its action in the documents, but those that nobody should be allowed', async () => {
  const used = matches(await sourcesOf('s3'), /new sdk\.(\w+)Command\(/g).concat(
    matches(await sourcesOf('s3'), /new connection\.sdk\.(\w+)Command\(/g),
  );
  expect([...new Set(used)].toSorted(byName)).toEqual(Object.keys(s3Needs).toSorted(byName));
  const document = JSON.stringify(s3Privileges({ bucket: 'b' }, everything).document);
  const allowed = Object.values(s3Needs).flat();
  const lacking = allowed.filter(({ action }) => !document.includes(`"${action}"`));
  expect(lacking.map(({ action }) => action)).toEqual(['s3:ListAllMyBuckets']);
});

test('a target at S3 gets what it needs below its prefix, and is denied what would endanger the copies', () => {
  const { document } = s3Privileges({ bucket: 'copies', prefix: 'a*b/' }, target);
  const { Statement: statements } = document as { Statement: { Sid: string; Effect: string; Action: string[] }[] };
  expect(statements).toMatchObject([
    {
      ...{ Sid: 'HoldfastList', Effect: 'Allow', Action: ['s3:ListBucket'], Resource: 'arn:aws:s3:::copies' },
      Condition: { StringLike: { 's3:prefix': 'a${*}b/*' } },
    },
    {
      Sid: 'HoldfastSettings',
      Action: ['s3:ListBucketMultipartUploads', 's3:GetBucketVersioning', 's3:GetBucketObjectLockConfiguration'],
    },
    {
      ...{ Sid: 'HoldfastObjects', Effect: 'Allow', Resource: 'arn:aws:s3:::copies/a${*}b/*' },
      Action: ['s3:GetObject', 's3:PutObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
    },
    {
      ...{ Sid: 'HoldfastOwnFolders', Effect: 'Allow' },
      Resource: ['catalog', 'history', 'probe'].map((own) => `arn:aws:s3:::copies/a\${*}b/.holdfast/${own}/*`),
      Action: ['s3:DeleteObject'],
    },
    { Sid: 'HoldfastNeverObjects', Effect: 'Deny', Resource: 'arn:aws:s3:::copies/*' },
    { Sid: 'HoldfastNeverBucket', Effect: 'Deny', Resource: 'arn:aws:s3:::copies' },
  ]);
  const denied = statements.filter(({ Effect }) => Effect === 'Deny').flatMap(({ Action }) => Action);
  const dangers = ['s3:DeleteObjectVersion', 's3:BypassGovernanceRetention', 's3:PutBucketVersioning'];
  expect(denied).toEqual(expect.arrayContaining(dangers));
});

test('a target at S3 may delete objects only where a policy deletes', () => {
  const granted = (usage: Usage): string[] => {
    const { document } = s3Privileges({ bucket: 'b' }, usage);
    const { Statement: statements } = document as { Statement: { Sid: string; Action: string[] }[] };
    return statements.filter(({ Sid }) => Sid === 'HoldfastObjects').flatMap(({ Action }) => Action);
  };
  expect(granted(target)).not.toContain('s3:DeleteObject');
  expect(granted(everything)).toEqual(expect.arrayContaining(['s3:DeleteObject', 's3:GetObjectVersion']));
});

test('a source at S3 may read and nothing else', () => {
  const { document } = s3Privileges({ bucket: 'arn:aws:s3:eu-west-1:123456789012:accesspoint/ap' }, source);
  const { Statement: statements } = document as { Statement: { Effect: string; Action: string[]; Resource: string }[] };
  const allowed = statements.filter(({ Effect }) => Effect === 'Allow');
  expect(allowed.flatMap(({ Action }) => Action)).toEqual(['s3:ListBucket', 's3:GetObject']);
  expect(allowed.at(-1)?.Resource).toBe('arn:aws:s3:eu-west-1:123456789012:accesspoint/ap/object/*');
});

test('every kind of request sent to Cloud Storage has its permissions in the documents', async () => {
  const kinds = new Set<string>();
  const listen = (message: unknown): void => {
    const { method, path } = (message as { request: ClientRequest }).request;
    kinds.add(requestKind(method, path));
  };
  await using room = await openRoom({ root: 'mine/', projectId: 'test' });
  diagnostics.subscribe('http.client.request.start', listen);
  try {
    await useAll(room.provider);
    await room.provider.examine({ role: 'target', clock: systemClock }, calm);
  } finally {
    diagnostics.unsubscribe('http.client.request.start', listen);
  }
  expect([...kinds].toSorted(byName)).toEqual(Object.keys(gcsNeeds).toSorted(byName));
  const { document } = gcsPrivileges({ bucket: 'b' }, everything);
  const { roles } = document as { roles: { includedPermissions: string[] }[] };
  const granted = roles.flatMap(({ includedPermissions }) => includedPermissions);
  expect(granted).toEqual(expect.arrayContaining(Object.values(gcsNeeds).flat()));
});

async function useAll(provider: Awaited<ReturnType<typeof openRoom>>['provider']): Promise<void> {
  await provider.connect('target', calm);
  const bytes = bytesOf(300_000);
  const { version } = await put(provider, 'mine/a', bytes);
  await readAll(provider, 'mine/a');
  await provider.delete('mine/a', { precondition: { version } }, calm);
  const { digest, record } = await describedBytes(bytes);
  const upload = await provider.startUpload('mine/b', shapeOf(bytes), calm);
  for (const part of partsOf(bytes)) await upload.part(part, calm);
  await upload.complete(digest, record, calm);
}

test('Cloud Storage roles are limited to the prefix by a condition on names and on listings', () => {
  const { document } = gcsPrivileges({ bucket: 'b', prefix: 'p/', projectId: 'proj' }, source);
  expect(document).toMatchObject({
    roles: [
      { roleId: 'holdfastSource', includedPermissions: ['storage.objects.get', 'storage.objects.list'] },
      { roleId: 'holdfastBucket', includedPermissions: ['storage.buckets.get'] },
    ],
    bindings: [
      {
        role: 'projects/proj/roles/holdfastSource',
        condition: {
          expression:
            'resource.name.startsWith("projects/_/buckets/b/objects/p/") || api.getAttribute("storage.googleapis.com/objectListPrefix", "").startsWith("p/")',
        },
      },
      { role: 'projects/proj/roles/holdfastBucket' },
    ],
  });
});

/** Methods of the clients that make no request. */
const local = new Set(['constructor', 'getBlockBlobClient', 'withVersion']);

test('every request made of Azure has its right in the documents, but those that nobody should be allowed', async () => {
  const called = new Set(matches(await sourcesOf('azure'), /\.(\w+)\(/g));
  const known = [BlockBlobClient, ContainerClient, BlobServiceClient].flatMap((client) => methodsOf(client.prototype));
  const used = [...new Set(known)].filter((name) => called.has(name) && !local.has(name));
  expect(used.toSorted(byName)).toEqual(Object.keys(azureNeeds).toSorted(byName));
  const { document } = azurePrivileges({ container: 'c' }, everything);
  const { role, sas } = document as { role: { DataActions: string[] }; sas: { signedPermissions: string } };
  const lacking = Object.values(azureNeeds)
    .flat()
    .filter(({ action, letter }) => !role.DataActions.includes(action) || !sas.signedPermissions.includes(letter));
  expect(lacking.map(({ action }) => action)).toEqual([
    'Microsoft.Storage/storageAccounts/blobServices/containers/read',
  ]);
});

function methodsOf(prototype: object): string[] {
  const parent: unknown = Object.getPrototypeOf(prototype);
  const own = Object.getOwnPropertyNames(prototype);
  return parent === Object.prototype || parent === null ? own : [...own, ...methodsOf(parent as object)];
}

test('an Azure role and signature for a source read, those for a target write, and delete where a policy does', () => {
  const letters = (usage: Usage): string => {
    const { document } = azurePrivileges({ container: 'c' }, usage);
    return (document as { sas: { signedPermissions: string } }).sas.signedPermissions;
  };
  expect(letters(source)).toBe('rl');
  expect(letters(target)).toBe('rcwl');
  expect(letters(everything)).toBe('rcwdl');
});

test('an Azure role deletes below .holdfast/ alone, unless a policy deletes', () => {
  const given = (usage: Usage, prefix = '') => {
    const { document } = azurePrivileges({ container: 'c', prefix }, usage);
    const { role, assignment } = document as { role: { DataActions: string[] }; assignment: { condition?: string } };
    const deletes = role.DataActions.some((action) => action.endsWith('/blobs/delete'));
    return { deletes, condition: assignment.condition };
  };
  const limited = (prefix: string): string => {
    const path = '@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path]';
    const below = ['catalog', 'history', 'probe'].map((own) => `${path} StringStartsWith '${prefix}.holdfast/${own}/'`);
    const action = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete';
    return `((!(ActionMatches{'${action}'})) OR (${below.join(' OR ')}))`;
  };
  expect(given(source)).toEqual({ deletes: false, condition: undefined });
  expect(given(target)).toEqual({ deletes: true, condition: limited('') });
  expect(given(target, 'p/').condition).toMatch(/^\(\(!/);
  expect(given(target, 'p/').condition?.endsWith(` AND ${limited('p/')}`)).toBe(true);
  expect(given(everything)).toEqual({ deletes: true, condition: undefined });
  expect(given(everything, 'p/').condition).not.toContain('.holdfast/');
});

test("the folders that are Holdfast's to delete in are where it keeps snapshots, former versions and canaries, and nothing else", () => {
  expect(ownFolders).toEqual([catalogPrefix, historyPrefix, '.holdfast/probe/']);
  const users = [encodedPrefix, descriptionKey('.holdfast/', 'abcd')];
  expect(users.filter((key) => ownFolders.some((folder) => key.startsWith(folder)))).toEqual([]);
});

test('an Azure role is limited to the prefix by a condition on paths and on listings', () => {
  const { document } = azurePrivileges({ account: 'acc', container: 'c', prefix: "it's/" }, source);
  const { assignment } = document as { assignment: { scope: string; condition: string } };
  expect(assignment.scope).toMatch(/storageAccounts\/acc\/blobServices\/default\/containers\/c$/);
  expect(assignment.condition).toContain(":path] StringStartsWith 'it''s/'");
  expect(assignment.condition).toContain(":prefix] StringStartsWith 'it''s/'");
  expect(assignment.condition.split('(').length).toBe(assignment.condition.split(')').length);
});

test('a directory that is only a source is read, not written', () => {
  expect(filesystemPrivileges({ path: '/data', prefix: 'in/' }, source).document).toMatchObject({
    path: '/data/in',
    mount: 'ro',
  });
  expect(filesystemPrivileges({ path: '/data' }, target).document).toMatchObject({ owner: 'holdfast' });
});

test.each([
  { type: 'filesystem', path: '/data' },
  { type: 's3', bucket: 'b', region: 'eu-central-1' },
  { type: 'gcs', bucket: 'b' },
  { type: 'azure', container: 'c', account: 'a', accountKey: 'k' },
] as const)('the rights of a source do not let a restore write there, and that is said ($type)', async (settings) => {
  expect((await privilegesOf(settings, source)).notes.join()).toContain('restore --to');
  expect((await privilegesOf(settings, target)).notes.join()).not.toContain('restore --to');
});
