import { afterEach, beforeEach, expect, test } from 'vitest';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';
import { startFakeGcs, type FakeGcs } from '../support/fake-gcs/server.ts';
import { startFakeS3, type FakeS3 } from '../support/fake-s3/fake-s3.ts';
import type { Fault as GcsFault, FaultRule as GcsRule } from '../support/fake-gcs/faults.ts';
import type { Fault } from '../support/fake-s3/faults.ts';

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
  await desk.write('holdfast.yaml', configOf({ one: directories.one, aws, gcp }));
  await desk.write('source/a.txt', text);
});

afterEach(async () => {
  await desk[Symbol.asyncDispose]();
  await s3.stop();
  await gcs.stop();
});

interface Copy {
  readonly target: string;
  readonly state: string;
  readonly evidence: { readonly method: string } | null;
  readonly error: { readonly code: string } | null;
}

async function reconcile(): Promise<{
  code: number | null;
  report: Record<string, unknown>;
  copies: Record<string, Copy>;
}> {
  const c = ['-c', 'holdfast.yaml'];
  const { code, document } = await desk.json<{ policies: Record<string, unknown>[] }>('reconcile', ...c);
  const inspected = await desk.json<{ object: { copies: Copy[] } }>('inspect', 'docs', 'a.txt', ...c);
  const copies = Object.fromEntries(inspected.document.object.copies.map((copy) => [copy.target, copy]));
  return { code, report: document.policies[0] ?? {}, copies };
}

const verified = { state: 'verified' };

test.each<[string, Fault[], string]>([['flips a bit', ['flip-bit'], 'checksum-mismatch']])(
  'an S3 target that %s is never verified; exit 1 says why; the others are served',
  async (_, faults, code) => {
    for (const fault of faults) s3.inject({ match: { method: 'PUT', keyPattern: /a\.txt$/ }, fault });
    const result = await reconcile();
    expect(result.code).toBe(1);
    expect(result.report).toMatchObject({ outcome: 'incomplete', failed: 1 });
    expect(result.copies).toMatchObject({ one: verified, gcp: verified });
    expect(result.copies['aws']?.state).not.toBe('verified');
    expect(result.copies['aws']?.error).toMatchObject({ code });
    s3.heal();
    expect(await reconcile()).toMatchObject({ code: 0, copies: { aws: verified } });
    expect(s3.objects().get('a.txt')?.bytes.toString()).toBe(text);
  },
);

test.each<[string, GcsFault[], string]>([['answers 200 with an error', ['ok-with-error-body'], 'unavailable']])(
  'a GCS target that %s is never verified; exit 1 says why; the others are served',
  async (_, faults, code) => {
    const rules = faults.map((fault): GcsRule => ({
      match: { operation: 'object.insert', keyPattern: /a\.txt$/ },
      fault,
    }));
    gcs.faults.add(...rules);
    const result = await reconcile();
    expect(result.code).toBe(1);
    expect(result.report).toMatchObject({ outcome: 'incomplete', failed: 1 });
    expect(result.copies).toMatchObject({ one: verified, aws: verified });
    expect(result.copies['gcp']?.state).not.toBe('verified');
    expect(result.copies['gcp']?.error).toMatchObject({ code });
    gcs.faults.clear();
    expect(await reconcile()).toMatchObject({ code: 0, copies: { gcp: verified } });
    expect(gcs.buckets.get('copies')?.get('a.txt')?.bytes.toString()).toBe(text);
  },
);
