import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import { startAzurite, type Azurite } from '../support/azurite.ts';
import { startFakeGcsServer, type RunningServer } from '../support/fake-gcs-server.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';
import { howToInstall } from '../support/servers.ts';
import type { Program } from './measure.ts';

/** The three local servers that both programs copy to, on disk. */
export interface Targets extends AsyncDisposable {
  readonly s3: Versitygw;
  readonly gcs: RunningServer;
  readonly azure: Azurite;
}

export async function startTargets(directory: string): Promise<Targets> {
  await using started = new AsyncDisposableStack();
  const s3 = await startVersitygw();
  if (s3 === undefined) throw new Error(`the benchmark needs versitygw: ${howToInstall('versitygw')}`);
  started.defer(async () => await s3.stop());
  const gcs = await startFakeGcsServer({ directory: join(directory, 'gcs') });
  if (gcs === undefined) throw new Error(`the benchmark needs fake-gcs-server: ${howToInstall('fake-gcs-server')}`);
  started.defer(async () => await gcs.stop());
  const azure = await startAzurite({ directory: join(directory, 'azure') });
  started.defer(async () => await azure.stop());
  const stack = started.move();
  return { s3, gcs, azure, [Symbol.asyncDispose]: async () => await stack.disposeAsync() };
}

/** Makes a bucket or container of this name at each server. */
export async function makeBuckets({ s3, gcs, azure }: Targets, bucket: string): Promise<void> {
  // A bucket of the posix backend is a directory.
  await mkdir(join(s3.directory, bucket), { recursive: true });
  const made = await fetch(`${gcs.endpoint}/storage/v1/b`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: bucket }),
  });
  if (!made.ok) throw new Error(`fake-gcs-server made no bucket: ${made.status} ${await made.text()}`);
  await BlobServiceClient.fromConnectionString(azure.connectionString).createContainer(bucket);
}

/** Holdfast: one run, three targets. */
export async function holdfastRun(
  source: string,
  targets: Targets,
  bucket: string,
  directory: string,
): Promise<readonly Program[]> {
  const { s3, gcs, azure } = targets;
  const credentials = { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey };
  const config = {
    catalog: `sqlite:${join(directory, bucket, 'catalog.db')}`,
    providers: {
      source: { type: 'filesystem', path: source },
      s3: { type: 's3', bucket, region: 'us-east-1', endpoint: s3.endpoint, forcePathStyle: true, credentials },
      gcs: { type: 'gcs', bucket, endpoint: gcs.endpoint },
      azure: { type: 'azure', container: bucket, connectionString: azure.connectionString },
    },
    policies: [{ name: 'bench', source: 'source', targets: ['s3', 'gcs', 'azure'], minCopies: 2 }],
  };
  await mkdir(join(directory, bucket), { recursive: true });
  const path = join(directory, bucket, 'holdfast.yaml');
  await writeFile(path, JSON.stringify(config));
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
  return [{ command: process.execPath, args: [main, 'reconcile', '--config', path, '--log-level', 'error'] }];
}

/** rclone: one run per target, side by side. Everything about the remotes is in the environment. */
export function rcloneRuns(rclone: string, source: string, targets: Targets, bucket: string): readonly Program[] {
  const { s3, gcs, azure } = targets;
  const env = {
    RCLONE_CONFIG: '/dev/null',
    RCLONE_CONFIG_S_TYPE: 's3',
    RCLONE_CONFIG_S_PROVIDER: 'Other',
    RCLONE_CONFIG_S_ENDPOINT: s3.endpoint,
    RCLONE_CONFIG_S_REGION: 'us-east-1',
    RCLONE_CONFIG_S_FORCE_PATH_STYLE: 'true',
    RCLONE_CONFIG_S_ACCESS_KEY_ID: s3.accessKeyId,
    RCLONE_CONFIG_S_SECRET_ACCESS_KEY: s3.secretAccessKey,
    RCLONE_CONFIG_G_TYPE: 'google cloud storage',
    RCLONE_CONFIG_G_ENDPOINT: `${gcs.endpoint}/storage/v1/`,
    RCLONE_CONFIG_G_ANONYMOUS: 'true',
    RCLONE_CONFIG_G_NO_CHECK_BUCKET: 'true',
    RCLONE_CONFIG_A_TYPE: 'azureblob',
    RCLONE_CONFIG_A_ACCOUNT: azure.account,
    RCLONE_CONFIG_A_KEY: azure.accountKey,
    RCLONE_CONFIG_A_ENDPOINT: azure.endpoint,
  };
  const options = ['--transfers', '16', '--checkers', '16', '--stats', '0', '--log-level', 'ERROR'];
  return ['s', 'g', 'a'].map((remote) => ({
    command: rclone,
    args: ['copy', source, `${remote}:${bucket}`, ...options],
    env,
  }));
}
