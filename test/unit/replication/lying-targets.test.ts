import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { reconcile as runReconcile, type ReconcileReport } from '../../../src/replication/reconcile.ts';
import { Replicator } from '../../../src/replicator.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { noMetrics } from '../../../src/telemetry/metrics.ts';
import { configOf, directories, openDesk, type Desk } from '../../support/cli.ts';
import { startFakeGcs, type FakeGcs } from '../../support/fake-gcs/server.ts';
import { startFakeS3, type FakeS3 } from '../../support/fake-s3/fake-s3.ts';
import type { Fault as GcsFault, FaultRule as GcsRule } from '../../support/fake-gcs/faults.ts';
import type { CopyRow } from '../../../src/catalog/rows.ts';
import type { Fault } from '../../support/fake-s3/faults.ts';

const text = 'the bytes of the object';
let desk: Desk;
let s3: FakeS3;
let gcs: FakeGcs;

beforeEach(async () => {
  desk = await openDesk();
  s3 = await startFakeS3();
  gcs = await startFakeGcs();
  gcs.buckets.set('copies', new Map());
  const { endpoint } = s3.access;
  const credentials = '{ accessKeyId: fake, secretAccessKey: secret }';
  const aws = `{ type: s3, bucket: bucket, region: us-east-1, endpoint: "${endpoint}", forcePathStyle: true, credentials: ${credentials} }`;
  const gcp = `{ type: gcs, bucket: copies, endpoint: "${gcs.endpoint}" }`;
  const config = configOf({ one: directories.one, aws, gcp }).replaceAll('./', `${desk.directory}/`);
  await desk.write('holdfast.yaml', config);
  await desk.write('source/a.txt', text);
});

afterEach(async () => {
  await desk[Symbol.asyncDispose]();
  await s3.stop();
  await gcs.stop();
});

interface Outcome {
  readonly report: ReconcileReport | undefined;
  readonly copies: Record<string, CopyRow>;
}

/** One pass by a replicator of its own, as a command would make it. */
async function reconcile(): Promise<Outcome> {
  const { config } = loadConfig(desk.at('holdfast.yaml'));
  await using replicator = await Replicator.open(config, { log: silentLog, metrics: noMetrics }, { forget: true });
  const options = { deep: false, dryRun: false, onProgress: () => undefined };
  let report: ReconcileReport | undefined;
  for (const policy of replicator.policies) {
    report = await runReconcile(replicator.engine, policy, options, new AbortController().signal);
  }
  const found = await replicator.engine.catalog.inspect('docs', 'a.txt');
  return { report, copies: Object.fromEntries((found?.object.copies ?? []).map((copy) => [copy.target, copy])) };
}

const verified = { state: 'verified' };

test('honest targets attest, and nothing is read back', async () => {
  const { report, copies } = await reconcile();
  expect(report).toMatchObject({ outcome: 'complete', failed: 0 });
  const attested = { state: 'verified', evidence: { method: 'attested' } };
  expect(copies).toMatchObject({ one: verified, aws: attested, gcp: attested });
  expect(s3.requests.filter(({ operation, key }) => operation === 'GetObject' && key === 'a.txt')).toEqual([]);
});

test.each<[string, Fault[], string]>([
  ['flips a bit', ['flip-bit'], 'checksum-mismatch'],
  ['truncates', ['truncate'], 'checksum-mismatch'],
  [
    'ignores every checksum and flips a bit',
    ['ignore-checksums', 'ignore-md5', 'ignore-payload-hash', 'flip-bit'],
    'checksum-mismatch',
  ],
  [
    'ignores every checksum and truncates',
    ['ignore-checksums', 'ignore-md5', 'ignore-payload-hash', 'truncate'],
    'checksum-mismatch',
  ],
  [
    'echoes every checksum unchecked and flips a bit',
    ['lie-about-checksums', 'ignore-md5', 'ignore-payload-hash', 'flip-bit'],
    'checksum-mismatch',
  ],
  ['answers 200 with an error', ['ok-with-error-body'], 'unavailable'],
])('an S3 target that %s is never verified; the code says why; the others are served', async (_, faults, code) => {
  for (const fault of faults) s3.inject({ match: { method: 'PUT', keyPattern: /a\.txt$/ }, fault });
  // What lies about the object lies about the canaries of the probe.
  for (const fault of faults.filter((one) => typeof one === 'string' && /ignore|lie/.test(one))) {
    s3.inject({ match: { keyPattern: /\.holdfast/ }, fault });
  }
  const result = await reconcile();
  expect(result.report).toMatchObject({ outcome: 'incomplete', failed: 1 });
  expect(result.copies).toMatchObject({ one: verified, gcp: verified });
  expect(result.copies['aws']?.state).not.toBe('verified');
  expect(result.copies['aws']?.error).toMatchObject({ code });
  s3.heal();
  expect(await reconcile()).toMatchObject({ report: { outcome: 'complete' }, copies: { aws: verified } });
  expect(s3.objects().get('a.txt')?.bytes.toString()).toBe(text);
});

test('an S3 server that ignores checksum headers is read back, and the right bytes count', async () => {
  for (const fault of ['ignore-checksums', 'ignore-md5', 'ignore-payload-hash'] as const) s3.inject({ fault });
  const { report, copies } = await reconcile();
  expect(report).toMatchObject({ outcome: 'complete', failed: 0 });
  expect(copies).toMatchObject({ aws: { state: 'verified', evidence: { method: 'read' } } });
});

test.each<[string, GcsFault[], string]>([
  ['flips a bit', ['flip-bit'], 'checksum-mismatch'],
  ['truncates', ['truncate'], 'checksum-mismatch'],
  ['does not compare checksums and flips a bit', ['ignore-checksums', 'flip-bit'], 'checksum-mismatch'],
  ['answers 200 with an error', ['ok-with-error-body'], 'unavailable'],
  ['refuses', ['denied'], 'denied'],
])('a GCS target that %s is never verified; the code says why; the others are served', async (_, faults, code) => {
  const rules = faults.map((fault): GcsRule => ({
    match: { operation: 'object.insert', keyPattern: /a\.txt$/ },
    fault,
  }));
  gcs.faults.add(...rules);
  const result = await reconcile();
  expect(result.report).toMatchObject({ outcome: 'incomplete', failed: 1 });
  expect(result.copies).toMatchObject({ one: verified, aws: verified });
  expect(result.copies['gcp']?.state).not.toBe('verified');
  expect(result.copies['gcp']?.error).toMatchObject({ code });
  gcs.faults.clear();
  expect(await reconcile()).toMatchObject({ report: { outcome: 'complete' }, copies: { gcp: verified } });
  expect(gcs.buckets.get('copies')?.get('a.txt')?.bytes.toString()).toBe(text);
});
