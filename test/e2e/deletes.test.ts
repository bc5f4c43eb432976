import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { BlobServiceClient } from '@azure/storage-blob';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Provider } from '../../src/providers/provider.ts';
import { openAzure } from '../../src/providers/azure/azure.ts';
import { openGcs } from '../../src/providers/gcs/gcs.ts';
import { openS3 } from '../../src/providers/s3/s3.ts';
import { startAzurite, type Azurite } from '../support/azurite.ts';
import { configOf, openDesk, type Desk } from '../support/cli.ts';
import { startFakeGcsServer, type RunningServer } from '../support/fake-gcs-server.ts';
import { listed } from '../support/s3-room.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

const bucket = `b${randomUUID()}`;
let s3: Versitygw | undefined;
let gcs: RunningServer | undefined;
let azure: Azurite;

beforeAll(async () => {
  [s3, gcs, azure] = await Promise.all([startVersitygw(), startFakeGcsServer(), startAzurite()]);
  await BlobServiceClient.fromConnectionString(azure.connectionString).createContainer(bucket);
  if (s3 !== undefined) await createBucket(s3);
  if (gcs !== undefined) await post(`${gcs.endpoint}/storage/v1/b?project=test`, { name: bucket });
});

afterAll(async () => {
  await Promise.all([s3?.stop(), gcs?.stop(), azure.stop()]);
});

async function createBucket(server: Versitygw): Promise<void> {
  const client = new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: server,
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
}

async function post(url: string, body: object): Promise<void> {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  expect(answer.ok).toBe(true);
}

/** Those of the servers that this machine has, as targets. */
function targets(): Record<string, string> {
  const found: Record<string, string> = {
    disk: '{ type: filesystem, path: ./disk }',
    azure: `{ type: azure, container: ${bucket}, connectionString: "${azure.connectionString}" }`,
  };
  if (s3 !== undefined) {
    const credentials = `{ accessKeyId: ${s3.accessKeyId}, secretAccessKey: ${s3.secretAccessKey} }`;
    found.aws = `{ type: s3, bucket: ${bucket}, region: us-east-1, endpoint: "${s3.endpoint}", forcePathStyle: true, credentials: ${credentials} }`;
  }
  if (gcs !== undefined) found.gcp = `{ type: gcs, bucket: ${bucket}, endpoint: "${gcs.endpoint}" }`;
  return found;
}

/** What the cloud's part of the world holds, Holdfast's own keys but for probes too. */
async function keysAt(open: () => Provider | Promise<Provider>): Promise<string[]> {
  const provider = await open();
  const own = await listed(provider, '.holdfast/');
  const keys = [...(await listed(provider)), ...own.filter((key) => !key.startsWith('.holdfast/probe/'))];
  await provider.close();
  return keys;
}

interface Report {
  readonly outcome: string;
  readonly deleted: number;
  readonly reasons: readonly string[];
}

async function reconcile(desk: Desk, ...more: string[]): Promise<Report> {
  const { document } = await desk.json<{ policies: Report[] }>('reconcile', '-c', 'holdfast.yaml', ...more);
  const [report] = document.policies;
  if (report === undefined) throw new Error('no report');
  return report;
}

const gone = ['gone.txt', 'large.bin', 'odd.'];

test('copies of what went are deleted at real servers, with their descriptions, where deletes are conditional', async () => {
  await using desk = await openDesk();
  const places = targets();
  const yaml = configOf(places, 'snapshot: { keep: 0 }').replace(
    'minCopies: 1,',
    'minCopies: 1, deletes: { mode: propagate, after: 1s },',
  );
  await desk.write('holdfast.yaml', yaml);
  for (const name of ['kept.txt', 'gone.txt', 'odd.']) await desk.write(`source/${name}`, name);
  await desk.write('source/large.bin', Buffer.alloc(9 * 1024 ** 2, 7));
  expect(await reconcile(desk)).toMatchObject({ outcome: 'complete', deleted: 0 });
  for (const name of gone) await rm(desk.at('source', name));
  expect(await reconcile(desk)).toMatchObject({ outcome: 'complete', deleted: 0 });
  await delay(1_100);

  const conditional = Object.keys(places).filter((name) => name !== 'gcp').length;
  expect(await reconcile(desk, '--dry-run')).toMatchObject({ deleted: gone.length * Object.keys(places).length });
  const report = await reconcile(desk);
  expect(report).toMatchObject({ outcome: 'complete', deleted: gone.length * conditional });
  expect((await readdir(desk.at('disk'))).filter((name) => name !== '.holdfast')).toEqual(['kept.txt']);
  expect(
    await keysAt(() => openAzure({ name: 'azure', container: bucket, connectionString: azure.connectionString })),
  ).toEqual(['kept.txt']);
  const server = s3;
  if (server !== undefined) {
    const { endpoint, accessKeyId, secretAccessKey } = server;
    const credentials = { accessKeyId, secretAccessKey };
    const options = { name: 'aws', bucket, endpoint, forcePathStyle: true, region: 'us-east-1', credentials };
    expect(await keysAt(() => openS3(options))).toEqual(['kept.txt']);
  }
  const emulator = gcs;
  if (emulator === undefined) return;
  // It looks at preconditions of inserts only, so that nothing is deleted there.
  expect(report.reasons).toEqual([expect.stringContaining('copies of what went stay at gcp')]);
  const { endpoint } = emulator;
  expect(await keysAt(() => openGcs({ name: 'gcp', bucket, endpoint }))).toEqual(expect.arrayContaining(gone));
});
