import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProviderReport } from '../../src/examiner.ts';
import { openDesk, type Desk } from '../support/cli.ts';
import { startS3Gate, type S3Gate } from '../support/s3-gate.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

const c = ['-c', 'holdfast.yaml'];

const originals = [
  ['a.txt', Buffer.from('bytes of a')],
  ['large.bin', randomBytes(17 * 1024 ** 2)],
] as const;

let s3: Versitygw | undefined;

beforeAll(async () => void (s3 = await startVersitygw()));
afterAll(async () => await s3?.stop());

interface Room extends AsyncDisposable {
  readonly desk: Desk;
  readonly gate: S3Gate;
  readonly bucket: string;
  /** What was refused since this was asked last, without the bucket's name. */
  refused(): string[];
}

/** A bucket behind the gate as `aws`, which lets through what the printed document for it allows. */
async function openRoom(server: Versitygw, role: 'source' | 'target', policy: string): Promise<Room> {
  const { endpoint, accessKeyId, secretAccessKey } = server;
  await using stack = new AsyncDisposableStack();
  const gate = stack.use(await startS3Gate(endpoint));
  const desk = stack.use(await openDesk());
  const bucket = `b${randomUUID()}`;
  const credentials = { accessKeyId, secretAccessKey };
  const access = { endpoint: gate.url, region: 'us-east-1', forcePathStyle: true };
  const client = new S3Client({ ...access, credentials: { ...credentials } });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  for (const [name, Body] of role === 'source' ? originals : [])
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: `my*/${name}`, Body }));
  client.destroy();
  const aws = { type: 's3', bucket, prefix: 'my*/', ...access, credentials };
  const [source, targets] = role === 'source' ? ['aws', ['disk']] : ['primary', ['aws']];
  const directory = (path: string): object => ({ type: 'filesystem', path });
  const yaml = [
    'catalog: sqlite:./catalog.db',
    `providers: ${JSON.stringify({ primary: directory('./source'), disk: directory('./disk'), aws })}`,
    'policies:',
    `  - { name: docs, source: ${source}, targets: ${JSON.stringify(targets)}, minCopies: 1, detect: { every: 200ms, full: 1s }, ${policy} }`,
    'snapshot: { every: 1m, changes: 1, keep: 1 }',
    'http: { listen: 127.0.0.1:0 }',
  ];
  await desk.write('holdfast.yaml', yaml.join('\n'));
  await mkdir(desk.at('disk'));
  const { document } = await desk.json<{ readonly providers: readonly ProviderReport[] }>('probe', 'aws', ...c);
  gate.document = document.providers[0]?.policy[role]?.document;
  gate.asked.clear();
  const kept = stack.move();
  return {
    ...{ desk, gate, bucket },
    refused: () => {
      const found = [...gate.refused]
        .map((what) => what.replace(`arn:aws:s3:::${bucket}`, ''))
        .toSorted((a, b) => (a < b ? -1 : 1));
      gate.refused.clear();
      return found;
    },
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  };
}

async function run({ desk }: Room, ...args: string[]): Promise<void> {
  const { code, stderr } = await desk.run([...args, ...c]);
  expect(code, `${args.join(' ')}: ${stderr}`).toBe(0);
}

/** Until a snapshot took the place of another. */
async function snapshotsPruned({ desk, gate, bucket }: Room): Promise<void> {
  const daemon = desk.start(['daemon', ...c]);
  const pruned = `s3:DeleteObject arn:aws:s3:::${bucket}/my*/.holdfast/catalog/`;
  for (let count = 0; ![...gate.asked].some((what) => what.startsWith(pruned)); count += 1) {
    await desk.write('source/a.txt', `bytes ${count}`);
    await delay(300);
  }
  await daemon.signal('SIGTERM');
}

async function useTarget(room: Room): Promise<void> {
  const { desk } = room;
  const large = randomBytes(17 * 1024 ** 2);
  await desk.write('source/a.txt', 'bytes of a');
  await desk.write('source/.../b.', 'an odd key');
  await desk.write('source/large.bin', large);
  const broken = desk.start(['reconcile', ...c]);
  while (![...room.gate.asked].some((what) => /PutObject .*large\.bin$/.test(what))) await delay(5);
  await broken.signal('SIGKILL');
  await run(room, 'reconcile');
  await desk.write('source/a.txt', 'other bytes of a');
  await desk.write('source/large.bin', randomBytes(17 * 1024 ** 2));
  await run(room, 'reconcile');
  await run(room, 'reconcile', '--deep');
  await run(room, 'verify', '--deep');
  await run(room, 'drill');
}

async function loseThings(room: Room): Promise<void> {
  const { desk } = room;
  await rm(desk.at('source/large.bin'));
  await run(room, 'reconcile');
  await delay(1_100);
  await run(room, 'reconcile');
  await run(room, 'restore', 'docs', '--to-dir', 'back');
  await rm(desk.at('catalog.db'));
  await run(room, 'rebuild-catalog');
  await run(room, 'restore', 'docs', '--to-dir', 'back-again');
}

describe('everything that is done at S3 is in the printed document', { timeout: 180_000 }, () => {
  test('a target that retains', async () => {
    if (s3 === undefined) return;
    await using room = await openRoom(s3, 'target', '');
    await useTarget(room);
    await snapshotsPruned(room);
    expect(room.refused()).toEqual([]);
  });

  test('a target that deletes, and keeps what is replaced', async () => {
    if (s3 === undefined) return;
    await using room = await openRoom(s3, 'target', 'deletes: { mode: propagate, after: 1s }, history: 1h');
    await useTarget(room);
    await loseThings(room);
    expect(room.refused()).toEqual([]);
    const deleted = `s3:DeleteObject arn:aws:s3:::${room.bucket}/my*/large.bin`;
    expect([...room.gate.asked]).toContain(deleted);
  });

  test('probe finds nothing that the document lacks, and nothing that it has too much', async () => {
    if (s3 === undefined) return;
    await using room = await openRoom(s3, 'target', '');
    const { document } = await room.desk.json<{ readonly providers: readonly ProviderReport[] }>('probe', 'aws', ...c);
    const [report] = document.providers;
    expect(report).toMatchObject({ fit: true, reasons: [] });
    const beyond = ['delete-objects', 'write-outside', 'list-outside', 'list-buckets', 'delete'];
    const answers = report?.answers.filter(({ question }) => beyond.includes(question));
    expect(answers?.map(({ question, answer }) => `${question} ${answer}`).toSorted()).toEqual([
      ...[
        'delete allowed',
        'delete-objects denied',
        'list-buckets denied',
        'list-outside denied',
        'write-outside denied',
      ],
    ]);
    expect(report?.concerns.map(({ question }) => question)).toEqual(['versioning']);
  });

  test('a source', async () => {
    if (s3 === undefined) return;
    await using room = await openRoom(s3, 'source', '');
    await run(room, 'reconcile');
    await run(room, 'verify', '--deep');
    expect(room.refused()).toEqual([]);
  });
});
