import { expect, test } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import type { Answer, ExaminableProvider, Question } from '../../../src/providers/examination.ts';
import { openGcs } from '../../../src/providers/gcs/gcs.ts';
import { openS3, type S3Options } from '../../../src/providers/s3/s3.ts';
import { startFakeGcs, type FakeGcs } from '../../support/fake-gcs/server.ts';
import type { Fault } from '../../support/fake-s3/fake-s3.ts';
import { startFakeS3, type FakeS3 } from '../../support/fake-s3/fake-s3.ts';
import { calm } from '../../support/s3-room.ts';

type Answers = Partial<Record<Question, string>>;

async function answersOf(provider: ExaminableProvider, role: 'source' | 'target' = 'target'): Promise<Answers> {
  const { answers } = await provider.examine({ role, clock: systemClock }, calm);
  return Object.fromEntries(answers.map(spelled));
}

function spelled({ question, answer, detail }: Answer): [Question, string] {
  return [question, detail === undefined ? answer : `${answer}: ${detail}`];
}

async function atFakeS3(
  use: (fake: FakeS3, provider: ExaminableProvider) => Promise<void>,
  options: Partial<S3Options> = {},
): Promise<void> {
  await using fake = await startFakeS3();
  const provider = await openS3({ ...fake.access, name: 'copy', bucket: 'bucket', ...options });
  try {
    await use(fake, provider);
  } finally {
    await provider.close();
  }
}

/** How a server misbehaves, and what is said of its checksums. */
const servers: readonly [readonly Fault[], RegExp, RegExp][] = [
  [[], /^attested: crc32c$/, /^attested: crc32c$/],
  [['lie-about-checksums'], /^echoed/, /^echoed/],
  [['ignore-checksums'], /^attested: md5; crc32c is ignored/, /^attested: md5 of every part; crc32c is ignored/],
  [['ignore-checksums', 'ignore-md5', 'ignore-payload-hash'], /^ignored: a wrong one was taken/, /^ignored/],
];

test.each(servers)('an S3 server with %j is seen through', async (faults, put, upload) => {
  await atFakeS3(async (fake, provider) => {
    for (const fault of faults) fake.inject({ fault });
    const answers = await answersOf(provider);
    expect(answers['put-checksum']).toMatch(put);
    expect(answers['upload-checksum']).toMatch(upload);
    expect(fake.openUploads()).toBe(0);
  });
});

test('preconditions that an S3 server ignores are named one by one', async () => {
  await atFakeS3(async (fake, provider) => {
    fake.inject({ fault: 'ignore-preconditions' });
    expect(await answersOf(provider)).toMatchObject({
      'conditional-create': 'ignored',
      'conditional-overwrite': 'ignored',
      'conditional-delete': 'ignored',
    });
  });
});

test('preconditions that hold for puts only are not called enforced', async () => {
  await atFakeS3(async (fake, provider) => {
    fake.inject({ match: { operation: 'CompleteMultipartUpload' }, fault: 'ignore-preconditions' });
    expect((await answersOf(provider))['conditional-create']).toMatch(/^ignored: enforced for puts/);
  });
});

test('what the credentials do not allow is told, and what stays for it is named', async () => {
  await atFakeS3(
    async (fake, provider) => {
      const denied = { status: 403, code: 'AccessDenied' };
      for (const operation of ['DeleteObject', 'AbortMultipartUpload'] as const) {
        fake.inject({ match: { operation, from: 1 }, fault: denied });
      }
      fake.inject({ match: { keyPattern: /^\.holdfast-probe-/ }, fault: denied });
      const { answers, left } = await provider.examine({ role: 'target', clock: systemClock }, calm);
      expect(Object.fromEntries(answers.map(({ question, answer }) => [question, answer]))).toMatchObject({
        ...{
          delete: 'denied',
          'delete-objects': 'denied',
          'abort-upload': 'denied',
          'write-outside': 'denied',
          'conditional-delete': 'not-told',
        },
      });
      const canaries = [...fake.objects().keys()].filter((key) => /^mine\/\.holdfast\/probe\/[0-9a-f]{16}/.test(key));
      expect(canaries.length).toBeGreaterThan(1);
      expect(left.filter((what) => / \(a canary/.test(what)).length).toBeGreaterThan(1);
      expect([...fake.objects().keys()].filter((key) => key.startsWith('.holdfast-probe-'))).toEqual([]);
    },
    { root: 'mine/' },
  );
});

test('a canary above the prefix that cannot be removed is named', async () => {
  await atFakeS3(
    async (fake, provider) => {
      const fault = { status: 403, code: 'AccessDenied' };
      fake.inject({ match: { operation: 'DeleteObject', keyPattern: /^\.holdfast-probe-/ }, fault });
      const { left } = await provider.examine({ role: 'target', clock: systemClock }, calm);
      const key = [...fake.objects().keys()].find((name) => name.startsWith('.holdfast-probe-'));
      expect(left).toContain(`${key} (a canary of 64 bytes)`);
    },
    { root: 'mine/' },
  );
});

test('a server whose clock is wrong is told from one that is right', async () => {
  await atFakeS3(async (_, provider) => {
    const ahead = { ...systemClock, now: () => Date.now() + 60_000 };
    const { answers } = await provider.examine({ role: 'source', clock: ahead }, calm);
    expect(answers.find(({ question }) => question === 'same-clock')).toMatchObject({
      answer: 'no',
      detail: expect.stringMatching(/^the server is (59|60) s behind this machine$/) as string,
    });
  });
});

test('an outage while it is examined is not taken for an answer', async () => {
  await atFakeS3(async (fake, provider) => {
    await provider.connect('target', calm);
    fake.inject({ match: { operation: 'PutObject' }, fault: { status: 500, code: 'InternalError' } });
    expect((await answersOf(provider)).write).toMatch(/^not-told: .*InternalError/);
  });
});

async function atFakeGcs(use: (fake: FakeGcs, provider: ExaminableProvider) => Promise<void>): Promise<void> {
  const fake = await startFakeGcs();
  fake.buckets.set('copies', new Map());
  const provider = openGcs({ name: 'gcp', bucket: 'copies', endpoint: fake.endpoint });
  try {
    await use(fake, provider);
  } finally {
    await provider.close();
    await fake.stop();
  }
}

test.each([
  [['lie-about-checksums'], /^echoed/],
  [['ignore-checksums', 'no-checksums'], /^ignored: .* none is told$/],
] as const)('a Cloud Storage with %j is seen through', async (faults, expected) => {
  await atFakeGcs(async (fake, provider) => {
    for (const fault of faults) fake.faults.add({ fault });
    const answers = await answersOf(provider);
    expect(answers['put-checksum']).toMatch(expected);
    expect(answers['upload-checksum']).toMatch(expected);
    expect([...(fake.buckets.get('copies') ?? [])].filter(([key]) => !key.includes('/probe/order/'))).toEqual([]);
  });
});

test('IAM tells what the credentials could do to the bucket, and to a source, without any trial', async () => {
  await atFakeGcs(async (fake, provider) => {
    fake.tells.permissions = ['storage.buckets.update', 'storage.objects.create'];
    expect(await answersOf(provider, 'source')).toMatchObject({
      'change-settings': 'allowed: storage.buckets.update',
      'shorten-retention': 'allowed: storage.buckets.update',
      write: 'allowed: storage.objects.create',
    });
    fake.tells.permissions = [];
    expect(await answersOf(provider, 'source')).toMatchObject({
      'change-settings': 'denied',
      'shorten-retention': 'denied',
      write: expect.stringMatching(/^not-tried/) as string,
    });
  });
});

test('a bucket tells how it protects what it holds', async () => {
  await atFakeGcs(async (fake, provider) => {
    fake.tells.bucket = {
      retentionPolicy: { retentionPeriod: '864000', isLocked: true },
      softDeletePolicy: { retentionDurationSeconds: '604800' },
    };
    expect(await answersOf(provider, 'source')).toMatchObject({
      versioning: 'off',
      retention: 'on: 10 days, locked',
      'soft-delete': 'on: 7 days',
    });
  });
});

test('a bucket whose settings the credentials may not see is not said to be unprotected', async () => {
  await atFakeGcs(async (fake, provider) => {
    fake.faults.add({ match: { operation: 'bucket.get' }, fault: 'denied' });
    const answers = await answersOf(provider, 'source');
    for (const question of ['versioning', 'retention', 'soft-delete'] as const) {
      expect(answers[question]).toMatch(/^not-told/);
    }
  });
});
