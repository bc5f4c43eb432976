import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe } from 'vitest';
import { openAzure } from '../../src/providers/azure/azure.ts';
import type { ExaminableProvider } from '../../src/providers/examination.ts';
import { openFilesystem } from '../../src/providers/filesystem/filesystem.ts';
import { openGcs } from '../../src/providers/gcs/gcs.ts';
import { openS3, type S3Options } from '../../src/providers/s3/s3.ts';
import { startAzurite, type Azurite } from '../support/azurite.ts';
import { startFakeGcsServer, type RunningServer } from '../support/fake-gcs-server.ts';
import { startFakeGcs } from '../support/fake-gcs/server.ts';
import { startFakeS3, type FakeS3 } from '../support/fake-s3/fake-s3.ts';
import { findServer } from '../support/servers.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';
import { describeExamination, prefix, type OpenedForExamination } from './examination.ts';
import { keysIn } from './provider/room.ts';

/** Two views of one bucket. A listing from above shows what is reserved below the prefix, and its own when asked. */
function views(provider: ExaminableProvider, neighbour: ExaminableProvider): OpenedForExamination {
  return {
    ...{ provider, neighbour },
    keys: async () => [...(await keysIn(neighbour)), ...(await keysIn(neighbour, { prefix: '.holdfast/' }))],
    close: async () => {
      await provider.close();
      await neighbour.close();
    },
  };
}

type Access = Omit<S3Options, 'name' | 'bucket'>;

async function s3Views(access: Access, bucket: string): Promise<OpenedForExamination> {
  const options = { ...access, name: 's3', bucket };
  return views(await openS3({ ...options, root: prefix }), await openS3(options));
}

const everywhere = { 'write-outside': 'allowed', 'list-outside': 'allowed' } as const;
const proven = {
  'put-checksum': 'attested',
  'upload-checksum': 'attested',
  'listing-order': 'byte-order',
} as const;

describe('S3 as AWS documents it', () => {
  let fake: FakeS3;
  beforeAll(async () => {
    fake = await startFakeS3();
  });
  afterAll(() => fake.stop());
  describeExamination('it', {
    open: async () => await s3Views(fake.access, 'bucket'),
    // It is a server that lacks all of the questions about buckets.
    finds: {
      ...everywhere,
      ...proven,
      'conditional-delete': 'enforced',
      versioning: 'not-told',
      retention: 'not-told',
    },
  });
});

describe.runIf(findServer('versitygw') !== undefined)('versitygw', () => {
  let server: Versitygw | undefined;
  let access: Access;
  const [plain, versioned, locking, retaining] = ['plain', 'versioned', 'locking', 'retaining'] as const;

  beforeAll(async () => {
    server = await startVersitygw({ versioning: true });
    if (server === undefined) throw new Error('versitygw was here a moment ago.');
    const { endpoint, accessKeyId, secretAccessKey } = server;
    access = { endpoint, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } };
    const client = new S3Client({ ...access, region: 'us-east-1' });
    for (const Bucket of [plain, versioned]) await client.send(new CreateBucketCommand({ Bucket }));
    for (const Bucket of [locking, retaining]) {
      await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
    }
    const Rule = { DefaultRetention: { Mode: 'COMPLIANCE', Days: 1 } } as const;
    const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule } as const;
    await client.send(new PutObjectLockConfigurationCommand({ Bucket: retaining, ObjectLockConfiguration }));
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket: versioned, VersioningConfiguration }));
    client.destroy();
  });
  afterAll(() => server?.stop());

  const all = { ...everywhere, ...proven, 'conditional-delete': 'enforced', 'list-buckets': 'allowed' } as const;
  describeExamination('a bucket without versions', {
    open: async () => await s3Views(access, plain),
    finds: { ...all, versioning: 'off', 'delete-versions': 'not-tried', 'shorten-retention': 'not-tried' },
  });
  describeExamination('a bucket with versions', {
    open: async () => await s3Views(access, versioned),
    finds: { ...all, versioning: 'on', 'delete-versions': 'allowed', retention: 'off' },
  });
  describeExamination('a bucket with Object Lock', {
    open: async () => await s3Views(access, locking),
    // The credentials are root's: a lock of governance does not hold them.
    finds: { ...all, versioning: 'on', 'delete-versions': 'allowed', 'shorten-retention': 'allowed' },
  });
  describeExamination('a bucket that retains everything', {
    open: async () => await s3Views(access, retaining),
    // In this mode nobody can shorten it, root neither.
    finds: { versioning: 'on', retention: 'on', 'delete-versions': 'denied', 'shorten-retention': 'denied' },
  });
});

async function gcsViews(endpoint: string, more: object = {}): Promise<OpenedForExamination> {
  const bucket = `bucket-${randomUUID()}`;
  const body = JSON.stringify({ name: bucket, ...more });
  const answer = await fetch(`${endpoint}/storage/v1/b?project=test`, { method: 'POST', body });
  if (!answer.ok) throw new Error(`no bucket: ${answer.status}`);
  const options = { name: 'gcp', bucket, endpoint, projectId: 'test' };
  return views(openGcs({ ...options, root: prefix }), openGcs(options));
}

function againstGcs(name: string, start: () => Promise<RunningServer | undefined>, more: object, finds: object): void {
  describe(`Cloud Storage, ${name}`, () => {
    let server: RunningServer | undefined;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server?.stop());
    describeExamination('it', {
      open: async () => await gcsViews(server?.endpoint ?? '', more),
      finds: { ...everywhere, ...proven, ...finds },
    });
  });
}

againstGcs('a server that does what Google documents', startFakeGcs, {}, { 'conditional-delete': 'enforced' });
if (findServer('fake-gcs-server') !== undefined) {
  const off = { versioning: 'off', 'delete-versions': 'not-tried', 'conditional-delete': 'ignored' };
  const on = { versioning: 'on', 'delete-versions': 'allowed', 'change-settings': 'not-told' };
  againstGcs('fake-gcs-server', startFakeGcsServer, {}, off);
  againstGcs('fake-gcs-server with versions', startFakeGcsServer, { versioning: { enabled: true } }, on);
}

describe('Azurite', () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite();
  });
  afterAll(() => azurite.stop());
  describeExamination('it', {
    open: async () => {
      const { connectionString } = azurite;
      const container = `c-${randomUUID()}`;
      await BlobServiceClient.fromConnectionString(connectionString).createContainer(container);
      const options = { name: 'azure', container, connectionString };
      return views(await openAzure({ ...options, root: prefix }), await openAzure(options));
    },
    finds: {
      ...everywhere,
      ...{ 'put-checksum': 'attested', 'upload-checksum': 'attested', 'listing-order': 'other-order' },
      ...{ 'change-settings': 'allowed', 'shorten-retention': 'allowed', 'list-buckets': 'allowed', versioning: 'off' },
    },
  });
});

describe('a directory', () => {
  describeExamination('it', {
    open: async () => {
      const path = await mkdtemp(join(tmpdir(), 'holdfast-examination-'));
      const provider = openFilesystem({ name: 'disk', path, prefix });
      const neighbour = openFilesystem({ name: 'disk', path });
      await provider.connect('target', new AbortController().signal);
      await neighbour.connect('target', new AbortController().signal);
      return {
        ...{ provider, neighbour },
        // What lies in directories of its own is told by the tree; their being there is what was asked for.
        keys: async () => (await readdir(path, { recursive: true, withFileTypes: true })).flatMap(filesOf),
        close: async () => {
          await provider.close();
          await neighbour.close();
          await rm(path, { recursive: true });
        },
      };
    },
    finds: {
      ...{ 'put-checksum': 'ignored', 'upload-checksum': 'ignored', 'listing-order': 'byte-order' },
      ...{ 'conditional-delete': 'enforced', 'same-device': 'yes', 'hard-links': 'yes', fsync: 'yes' },
      ...{ versioning: 'off', 'free-space': 'yes', 'foreign-writers': 'no' },
    },
  });
});

function filesOf(entry: { readonly name: string; readonly parentPath: string; isFile(): boolean }): string[] {
  return entry.isFile() ? [join(entry.parentPath, entry.name)] : [];
}
