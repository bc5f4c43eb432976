import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ProviderReport } from '../../src/examiner.ts';
import { startAzurite, type Azurite } from '../support/azurite.ts';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';
import { startFakeGcsServer, type RunningServer } from '../support/fake-gcs-server.ts';
import { startFakeS3 } from '../support/fake-s3/fake-s3.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

const bucket = `b${randomUUID()}`;
let s3: Versitygw | undefined;
let gcs: RunningServer | undefined;
let azure: Azurite;

beforeAll(async () => {
  [s3, gcs, azure] = await Promise.all([startVersitygw(), startFakeGcsServer(), startAzurite()]);
  await BlobServiceClient.fromConnectionString(azure.connectionString).createContainer(bucket);
  if (s3 !== undefined) {
    const { endpoint, accessKeyId, secretAccessKey } = s3;
    const credentials = { accessKeyId, secretAccessKey };
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
  }
  if (gcs !== undefined) {
    const body = JSON.stringify({ name: bucket });
    const answer = await fetch(`${gcs.endpoint}/storage/v1/b?project=test`, { method: 'POST', body });
    if (!answer.ok) throw new Error(`no bucket: ${answer.status}`);
  }
});

afterAll(async () => {
  await Promise.all([s3?.stop(), gcs?.stop(), azure.stop()]);
});

/** Those of the servers that this machine has, and two directories. */
function targets(): Record<string, string> {
  const found: Record<string, string> = {
    ...directories,
    azure: `{ type: azure, container: ${bucket}, connectionString: "${azure.connectionString}" }`,
  };
  if (s3 !== undefined) found.aws = s3Settings(s3.endpoint, s3.accessKeyId, s3.secretAccessKey);
  if (gcs !== undefined) found.gcp = `{ type: gcs, bucket: ${bucket}, endpoint: "${gcs.endpoint}", prefix: mine/ }`;
  return found;
}

function s3Settings(endpoint: string, accessKeyId: string, secretAccessKey: string): string {
  const credentials = `{ accessKeyId: ${accessKeyId}, secretAccessKey: ${secretAccessKey} }`;
  return `{ type: s3, bucket: ${bucket}, endpoint: "${endpoint}", forcePathStyle: true, credentials: ${credentials}, prefix: mine/ }`;
}

interface Document {
  readonly providers: readonly ProviderReport[];
}

async function withDesk(config: (desk: Desk) => string, use: (desk: Desk) => Promise<void>): Promise<void> {
  await using desk = await openDesk();
  await desk.write('holdfast.yaml', config(desk));
  await desk.write('source/note.txt', 'note');
  await use(desk);
}

const config = ['--config', 'holdfast.yaml'] as const;

test('every provider is examined as the configuration uses it, without a catalog', async () => {
  const all = targets();
  await withDesk(
    () => configOf(all),
    async (desk) => {
      const { code, document } = await desk.json<Document>('probe', ...config);
      expect(code).toBe(0);
      const { providers } = document;
      expect(providers.map(({ provider }) => provider)).toEqual(['primary', ...Object.keys(all)]);
      for (const { provider, roles, examinedAs, reachable, fit, reasons, policy } of providers) {
        const role = provider === 'primary' ? 'source' : 'target';
        expect({ roles, examinedAs, reachable, fit, reasons }).toEqual({
          ...{ roles: [role], examinedAs: role, reachable: true, fit: true, reasons: [] },
        });
        expect(Object.keys(policy)).toEqual([role]);
      }
      const asked = providers.find(({ provider }) => provider === 'azure');
      expect(asked?.concerns.map(({ question }) => question)).toContain('change-settings');
      expect(asked?.stolenCredentials?.canDestroyCopies).not.toBe('no');
      expect(existsSync(desk.at('catalog.db'))).toBe(false);
      expect(await readdir(desk.at('source'))).toEqual(['note.txt']);
    },
  );
});

test('what people read names concerns and the policy document, and never a secret', async () => {
  await withDesk(
    () => configOf(targets()),
    async (desk) => {
      const { code, stdout, stderr } = await desk.run(['probe', ...config]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^azure \(azure, target\): fit$/m);
      expect(stdout).toMatch(/! the credentials may change the settings/);
      expect(stdout).toMatch(/not tried:\n.*write, overwrite, .*nothing is written to a source/);
      expect(stdout).toMatch(/"signedPermissions": "rcwl"/);
      for (const secret of [azure.accountKey, s3?.secretAccessKey ?? azure.accountKey]) {
        expect(stdout + stderr).not.toContain(secret);
      }
    },
  );
});

test('a source is written to only when it is asked for, and then cleaned', async () => {
  await withDesk(
    () => configOf(directories),
    async (desk) => {
      const { document } = await desk.json<Document>('probe', 'primary', '--write', ...config);
      expect(document.providers).toMatchObject([{ provider: 'primary', roles: ['source'], examinedAs: 'target' }]);
      const files = await readdir(desk.at('source'), { recursive: true, withFileTypes: true });
      expect(files.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual(['note.txt']);
    },
  );
});

test('a provider that cannot be reached, or does not exist, is said, and the others are told all the same', async () => {
  const nowhere = s3Settings('http://127.0.0.1:1', 'key', 'a-secret-nobody-sees');
  const missing = `{ type: azure, container: ${randomUUID()}, connectionString: "${azure.connectionString}" }`;
  await withDesk(
    () => configOf({ nowhere, missing, one: directories.one }),
    async (desk) => {
      const { code, document } = await desk.json<Document>('probe', ...config);
      expect(code).toBe(1);
      expect(document.providers).toMatchObject([
        { provider: 'primary', fit: true },
        { provider: 'nowhere', reachable: false, fit: false, answers: [], policy: { target: { document: {} } } },
        { provider: 'missing', reachable: false, fit: false },
        { provider: 'one', reachable: true, fit: true },
      ]);
      expect(document.providers[1]?.reasons.join()).toMatch(/ECONNREFUSED/);
      expect(JSON.stringify(document)).not.toContain('a-secret-nobody-sees');
    },
  );
});

test('a target whose credentials may not write cannot do its work, and what can be told is told', async () => {
  await using fake = await startFakeS3({ buckets: [bucket] });
  fake.inject({ match: { operation: 'PutObject' }, fault: { status: 403, code: 'AccessDenied' } });
  await withDesk(
    () => configOf({ copy: s3Settings(fake.access.endpoint, 'key', 'secret') }),
    async (desk) => {
      const { code, document } = await desk.json<Document>('probe', 'copy', ...config);
      expect(code).toBe(1);
      const [report] = document.providers;
      expect(report).toMatchObject({ reachable: true, fit: false });
      expect(report?.reasons.join()).toMatch(/PutObject.*AccessDenied.*check the policies/);
      expect(report?.answers).toContainEqual({ question: 'list', answer: 'allowed' });
      expect([...fake.objects(bucket).keys()]).toEqual([]);
    },
  );
});

test('a provider that is not configured is a mistake in usage', async () => {
  await withDesk(
    () => configOf(directories),
    async (desk) => {
      const { code, stderr } = await desk.run(['probe', 'elsewhere', ...config]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/no provider "elsewhere".*primary, one, two/);
    },
  );
});

test('a person who gives up is obeyed, and no canary stays above the prefix', async () => {
  await using fake = await startFakeS3({ buckets: [bucket] });
  fake.inject({ match: { operation: 'GetObject' }, fault: 'stall' });
  await withDesk(
    () => configOf({ copy: s3Settings(fake.access.endpoint, 'key', 'secret') }),
    async (desk) => {
      const running = desk.start(['probe', 'copy', ...config]);
      while (fake.count('GetObject') === 0) await new Promise((wake) => setTimeout(wake, 20));
      expect((await running.signal('SIGINT')).code).toBe(130);
      const left = [...fake.objects(bucket).keys()].filter((key) => !key.startsWith('mine/.holdfast/probe/keys/'));
      expect(left).toEqual([]);
    },
  );
});
