import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';
import { findServer } from '../support/servers.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

const c = ['-c', 'holdfast.yaml'];
/** All of a small set is held too. */
const count = 20;
const names = Array.from({ length: count }, (_, n) => `photos/${String(n).padStart(3, '0')}.jpg`);

/** Text and inode of every copy: one that was written anew is another inode. */
async function copiesIn(desk: Desk): Promise<ReadonlyMap<string, string>> {
  const copies = new Map<string, string>();
  for (const target of Object.keys(directories)) {
    for (const name of names) {
      const { ino } = await stat(desk.at(target, name));
      copies.set(`${target} ${name}`, `${ino} ${await readFile(desk.at(target, name), 'utf8')}`);
    }
  }
  return copies;
}

/** A pass now and another one later, each by a process of its own. */
async function reconcileTwice(desk: Desk): Promise<readonly [code: number | null, reasons: string]> {
  await desk.run(['reconcile', ...c]);
  const { code, document } = await desk.json<{ policies: { reasons: string[] }[] }>('reconcile', ...c);
  return [code, document.policies.flatMap(({ reasons }) => reasons).join()];
}

async function forEachName(share: number, change: (name: string) => Promise<unknown>): Promise<void> {
  for (const name of names.slice(0, Math.round(share * count))) await change(name);
}

/** How a directory is lost; the exit status, and what the hold says. */
const ways: Readonly<Record<string, readonly [lose: (desk: Desk) => Promise<unknown>, code: number, reason: string]>> =
  {
    emptied: [async (desk) => await rm(desk.at('source/photos'), { recursive: true }), 3, 'the source is empty'],
    'unmounted, the directory missing': [
      async (desk) => await rename(desk.at('source'), desk.at('elsewhere')),
      3,
      'could not be listed to its end',
    ],
    'unmounted, the mount point empty': [
      async (desk) => {
        await rename(desk.at('source'), desk.at('elsewhere'));
        await mkdir(desk.at('source'));
      },
      3,
      'the source is not the one it was',
    ],
    '5 % deleted': [async (desk) => await forEachName(0.05, async (name) => await rm(desk.at('source', name))), 0, ''],
    'all re-encrypted in place': [
      async (desk) =>
        await forEachName(1, async (name) => await writeFile(desk.at('source', name), `ENCRYPTED ${name.slice(7)}`)),
      3,
      '20 were overwritten',
    ],
    'times in the future': [
      async (desk) => {
        const future = new Date(Date.now() + 10 * 365 * 86_400_000);
        await forEachName(1, async (name) => await utimes(desk.at('source', name), future, future));
      },
      3,
      '20 were overwritten',
    ],
    'another prefix configured': [
      async (desk) => {
        const config = await readFile(desk.at('holdfast.yaml'), 'utf8');
        await writeFile(
          desk.at('holdfast.yaml'),
          config.replace('source: primary,', 'source: primary, prefix: videos/,'),
        );
      },
      3,
      'the source is not the one it was',
    ],
  };

describe.each(Object.entries(ways))('a directory lost: %s', (_, [lose, expected, reason]) => {
  test('leaves every copy as it is', async () => {
    await using desk = await openDesk();
    await desk.write('holdfast.yaml', configOf(directories));
    for (const name of names) await desk.write(`source/${name}`, `the bytes of ${name}`);
    expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 0 });
    const before = await copiesIn(desk);
    await lose(desk);
    const [code, reasons] = await reconcileTwice(desk);
    expect([code, reasons]).toEqual([expected, expect.stringContaining(reason)]);
    expect(await copiesIn(desk)).toEqual(before);
    expect((await readdir(desk.at('one', 'photos'))).length).toBe(count);
  });
});

test('a daemon goes on beside a reject, and beside the release that takes it back', async () => {
  await using desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(directories));
  for (const name of names) await desk.write(`source/${name}`, `the bytes of ${name}`);
  expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 0 });
  const before = await copiesIn(desk);
  // Before the daemon begins: a pass amid the writing would see a part of them only, which is let through.
  for (const name of names) await desk.write(`source/${name}`, 'encrypted');
  const daemon = desk.start(['daemon', ...c]);
  const [, port = ''] = await daemon.says(/:(\d+)\/health/);
  const get = async (path: string): Promise<string> => await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  const health = async (): Promise<Health> => JSON.parse(await get('/health')) as Health;
  const waiting = { timeout: 20_000, interval: 100 };
  const expectHealth = async (expected: object): Promise<void> =>
    await vi.waitFor(async () => expect(await health()).toMatchObject(expected), waiting);
  await expectHealth({ status: 'degraded', policies: [{ held: count, hold: { overwritten: count } }] });
  expect((await health()).reasons.join()).toContain('20 were overwritten');
  expect(await get('/metrics')).toContain(`holdfast_held_objects{policy="docs"} ${count}\n`);
  expect(await desk.run(['reject', 'docs', ...c])).toMatchObject({ code: 0 });
  await expectHealth({ status: 'ok', policies: [{ rejected: count, hold: null, lastPass: { outcome: 'complete' } }] });
  expect(await get('/metrics')).toContain('holdfast_holds{policy="docs"} 0\n');
  expect(await copiesIn(desk)).toEqual(before);
  expect(await desk.run(['release', 'docs', ...c])).toMatchObject({ code: 0 });
  await expectHealth({ policies: [{ held: count, rejected: 0 }] });
  expect(await copiesIn(desk)).toEqual(before);
  expect(await desk.run(['release', 'docs', ...c])).toMatchObject({ code: 0 });
  await vi.waitFor(
    async () => expect(await readFile(desk.at('two', names[7] ?? ''), 'utf8')).toBe('encrypted'),
    waiting,
  );
  expect(await daemon.signal('SIGTERM')).toMatchObject({ code: 0 });
});

interface Health {
  readonly reasons: readonly string[];
}

test('reject keeps the copies, and says what it did', async () => {
  await using desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(directories));
  for (const name of names) await desk.write(`source/${name}`, `the bytes of ${name}`);
  await desk.run(['reconcile', ...c]);
  const before = await copiesIn(desk);
  for (const name of names) await desk.write(`source/${name}`, 'encrypted');
  expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 3 });
  const held = await desk.run(['status', ...c]);
  expect(held.stdout).toContain('holdfast release docs');
  expect(held.stdout).toContain('holdfast reject docs');
  expect(held.stdout).toContain(names[0] ?? '');
  const rejected = await desk.run(['reject', 'docs', ...c]);
  expect(rejected).toMatchObject({ code: 0, stdout: expect.stringContaining('20 overwritten') as string });
  expect(await reconcileTwice(desk)).toEqual([0, '']);
  expect(await copiesIn(desk)).toEqual(before);
  const { code, document } = await desk.json<{ policies: object[] }>('status', ...c);
  expect([code, document]).toMatchObject([
    0,
    {
      status: 'ok',
      policies: [
        { rejected: 20, held: 0, decisions: [{ decision: 'rejected', by: expect.stringContaining('@') as string }] },
      ],
    },
  ]);
  expect((await desk.run(['status', ...c])).stdout).toContain('20 objects are kept against the source');
  expect(await desk.run(['reject', 'docs', ...c])).toMatchObject({ code: 0, stdout: 'docs: nothing is held\n' });
  expect(await desk.run(['reject', 'nobody', ...c])).toMatchObject({ code: 2 });
});

// versitygw is Go and comes without a package; test/support/servers.ts knows how to get it, and the run says so.
describe.runIf(findServer('versitygw') !== undefined)('a bucket lost', () => {
  let server: Versitygw | undefined;
  let client: S3Client;
  beforeAll(async () => {
    server = await startVersitygw();
    if (server === undefined) throw new Error('versitygw was here a moment ago.');
    const { endpoint, accessKeyId, secretAccessKey } = server;
    const credentials = { accessKeyId, secretAccessKey };
    client = new S3Client({ endpoint, forcePathStyle: true, credentials, region: 'us-east-1' });
  });
  afterAll(async () => {
    client?.destroy();
    await server?.stop();
  });

  async function create(bucket: string, keys: readonly string[], text: string): Promise<void> {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    for (const Key of keys) await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: `${text} ${Key}` }));
  }

  async function remove(bucket: string): Promise<void> {
    for (const Key of names) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
    await client.send(new DeleteBucketCommand({ Bucket: bucket }));
  }

  async function configure(desk: Desk, bucket: string, secret = server?.secretAccessKey): Promise<void> {
    const { endpoint = '', accessKeyId = '' } = server ?? {};
    const primary = `{ type: s3, bucket: ${bucket}, region: us-east-1, endpoint: "${endpoint}", forcePathStyle: true, credentials: { accessKeyId: ${accessKeyId}, secretAccessKey: ${secret} } }`;
    await desk.write('holdfast.yaml', configOf(directories).replace('{ type: filesystem, path: ./source }', primary));
  }

  test.each<[string, (desk: Desk, bucket: string) => Promise<void>, string]>([
    ['deleted', async (_, bucket) => await remove(bucket), 'could not be listed to its end'],
    [
      'made anew with some other objects',
      async (_, bucket) => {
        await remove(bucket);
        await create(bucket, [...names.slice(0, 5), 'photos/new.jpg'], 'another');
      },
      '15 objects vanished and 5 were overwritten',
    ],
    ['permission', async (desk, bucket) => await configure(desk, bucket, 'wrong'), 'could not be listed to its end'],
  ])('%s', async (how, lose, reason) => {
    await using desk = await openDesk();
    const bucket = `bucket-${how.length}`;
    await create(bucket, names, 'the bytes of');
    await configure(desk, bucket);
    expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 0 });
    const before = await copiesIn(desk);
    await lose(desk, bucket);
    const [code, reasons] = await reconcileTwice(desk);
    expect([code, reasons]).toEqual([3, expect.stringContaining(reason)]);
    expect(await copiesIn(desk)).toEqual(before);
  });
});
