import { BlobServiceClient } from '@azure/storage-blob';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { access, mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openProvider } from '../../src/providers/open.ts';
import { systemClock } from '../../src/objects/clock.ts';
import { startAzurite, type Azurite } from '../support/azurite.ts';
import { bytesOf } from '../support/bytes.ts';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';
import { findServer } from '../support/servers.ts';
import { disagreements } from '../support/sha256sum.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

const c = ['-c', 'holdfast.yaml'];
const calm = new AbortController().signal;
const MiB = 1024 ** 2;

const names = [
  'plain.txt',
  'deep/er/file',
  'a b',
  'ü/ß 日本 \u{1F600}',
  'line\nbreak',
  'dot.',
  '%41#?&+',
  '-rf',
  'empty',
];

/** By name. One is large enough to travel in parts. */
const files = new Map(names.map((name) => [name, bytesOf(name === 'empty' ? 0 : 100 + name.length, name)]));
files.set('large.bin', bytesOf(10 * MiB, 'large'));

/** With milliseconds; before 1970 too. */
const timeOf = (name: string): Date => new Date(name === 'plain.txt' ? -1_000_500 : 1_234_567_890_123 + name.length);

let azure: Azurite;
beforeAll(async () => {
  azure = await startAzurite();
});
afterAll(async () => {
  await azure.stop();
});

async function container(name: string): Promise<string> {
  await BlobServiceClient.fromConnectionString(azure.connectionString).createContainer(name);
  return `{ type: azure, container: ${name}, connectionString: "${azure.connectionString}" }`;
}

async function fill(desk: Desk): Promise<void> {
  for (const [name, bytes] of files) {
    await desk.write(`source/${name}`, bytes);
    await utimes(desk.at('source', name), timeOf(name), timeOf(name));
  }
}

/** Whole milliseconds: what records hold. */
const modifiedAt = async (path: string): Promise<bigint> => (await stat(path, { bigint: true })).mtimeNs / 1_000_000n;

const exists = async (path: string): Promise<boolean> =>
  await access(path).then(
    () => true,
    () => false,
  );

test('on an empty machine, from one provider, with nothing but the configuration', async () => {
  const config = configOf({ ...directories, azure: await container('empty-machine') });
  await using home = await openDesk();
  await fill(home);
  await home.write('holdfast.yaml', config);
  expect(await home.run(['reconcile', ...c])).toMatchObject({ code: 0 });

  await using desk = await openDesk();
  await rm(desk.at('source'), { recursive: true });
  await desk.write('holdfast.yaml', config);
  const dry = await desk.run(['restore', ...c, '--from', 'azure', '--to-dir', './back', '--dry-run']);
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringMatching(/10 to restore .*\n.*\n.*to read it/) as string });
  expect(await readdir(desk.directory)).toEqual(['holdfast.yaml']);
  const { code, document } = await desk.json('restore', ...c, '--from', 'azure', '--to-dir', './back');
  expect([code, document]).toMatchObject([
    0,
    { policy: 'docs', objects: 10, restored: 10, failed: 0, from: { azure: 10 } },
  ]);
  expect(await disagreements(desk.at('back'), files)).toBe('');
  for (const name of files.keys()) {
    const [was, is] = [await modifiedAt(home.at('source', name)), await modifiedAt(desk.at('back', name))];
    expect([name, is]).toEqual([name, was]);
  }
  expect(new Set(await readdir(desk.directory))).toEqual(new Set(['back', 'holdfast.yaml']));
  const again = await desk.json('restore', ...c, '--from', 'azure', '--to-dir', './back');
  expect(again).toMatchObject({ code: 0, document: { restored: 0, inPlace: 10 } });
});

test('one damaged copy and one place that is gone: what is right comes back, and the rest is named', async () => {
  await using desk = await openDesk();
  await fill(desk);
  await desk.write('holdfast.yaml', configOf(directories));
  expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 0 });
  await desk.write('one/a b', bytesOf(103, 'rotten'));
  await desk.write('two/dot.', bytesOf(104, 'rotten'));
  const good = await desk.run(['restore', ...c, '--to-dir', 'back']);
  expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('9 from one, 1 from two') as string });
  expect(await disagreements(desk.at('back'), files)).toBe('');
  await rm(desk.at('one'), { recursive: true });
  const bad = await desk.run(['restore', 'docs', ...c, '--to-dir', 'again']);
  expect(bad).toMatchObject({ code: 1, stdout: expect.stringContaining('9 restored') as string });
  expect(bad.stderr).toMatch(/^holdfast: dot\.: \[[a-z-]+\] .+$/m);
  expect(bad.stderr).toContain('one could not be (wholly) looked at');
  expect(await exists(desk.at('again', 'dot.'))).toBe(false);
});

test('from an empty place, as where a prefix is mistyped: nothing was found is no success', async () => {
  await using desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(directories));
  for (const name of ['one', 'two']) await mkdir(desk.at(name), { recursive: true });
  const { code, stdout } = await desk.run(['restore', ...c, '--to-dir', 'back']);
  expect([code, stdout]).toEqual([1, expect.stringContaining('nothing was found')]);
});

test.each<[NodeJS.Signals, number | null]>([
  ['SIGKILL', null],
  ['SIGINT', 130],
])('ended half-way by %s, and run again', async (name, status) => {
  await using desk = await openDesk();
  const many = new Map(Array.from({ length: 30 }, (_, n) => [`file-${n}`, bytesOf(200_000, `${n}`)]));
  for (const [name, bytes] of many) await desk.write(`source/${name}`, bytes);
  await desk.write('holdfast.yaml', configOf(directories));
  expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 0 });
  await desk.write('slow.yaml', configOf(directories, 'limits: { bandwidth: 1MiB/s }'));
  const slow = desk.start(['restore', '-c', 'slow.yaml', '--to-dir', 'back']);
  await vi.waitFor(async () => expect((await readdir(desk.at('back'))).length).toBeGreaterThan(3), 20_000);
  expect(await slow.signal(name)).toMatchObject({ code: status });
  const visible = (await readdir(desk.at('back'))).filter((name) => name !== '.holdfast');
  expect(visible.length).toBeLessThan(30);
  const half = new Map([...many].filter(([name]) => visible.includes(name)));
  expect(await disagreements(desk.at('back'), half)).toBe('');
  const { code, document } = await desk.json<{ restored: number; inPlace: number }>(
    'restore',
    ...c,
    '--to-dir',
    'back',
  );
  expect([code, document]).toMatchObject([0, { objects: 30, inPlace: visible.length, restored: 30 - visible.length }]);
  expect(await disagreements(desk.at('back'), many)).toBe('');
});

test.each<[string, (path: string) => Promise<void> | void]>([
  ['that is damaged', async (path) => await writeFile(path, 'this is no catalog. '.repeat(500))],
  ['that cannot be opened', async (path) => await mkdir(path)],
  [
    'of a newer program',
    (path) => {
      using database = new DatabaseSync(path);
      database.exec(`pragma application_id = ${0x486f6c64}; pragma user_version = 999`);
    },
  ],
])('a catalog %s is said and done without', async (_, spoil) => {
  await using desk = await openDesk();
  await fill(desk);
  await desk.write('holdfast.yaml', configOf(directories));
  expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 0 });
  for (const ending of ['', '-wal', '-shm']) await rm(desk.at(`catalog.db${ending}`), { force: true });
  await spoil(desk.at('catalog.db'));
  const { code, stderr } = await desk.run(['restore', ...c, '--to-dir', 'back']);
  expect([code, stderr]).toEqual([0, expect.stringContaining('goes on without the catalog')]);
  expect(await disagreements(desk.at('back'), files)).toBe('');
});

test('back to a source that lost everything: the next pass finds all in place', async () => {
  await using desk = await openDesk();
  await fill(desk);
  await desk.write('holdfast.yaml', configOf(directories));
  expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 0 });
  await rm(desk.at('source'), { recursive: true });
  await mkdir(desk.at('source'));
  expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 3 });
  expect(await desk.run(['restore', ...c, '--to', 'primary'])).toMatchObject({ code: 0 });
  expect(await disagreements(desk.at('source'), files)).toBe('');
  const { code, document } = await desk.json('reconcile', ...c);
  const all = { outcome: 'complete', copied: 0, repaired: 0, inPlace: 20, failed: 0, held: 0 };
  expect([code, document]).toMatchObject([0, { policies: [all] }]);
});

test.each([
  [[], 'say where to'],
  [['--to', 'one', '--to-dir', 'x'], 'give one of them'],
  [['--to', 'nobody'], 'no such provider'],
  [['--to', 'one', '--from', 'one'], 'the same place'],
  [['--to', 'one', '--from', 'primary'], 'no target of policy docs'],
  [['--to-dir', 'two/below'], 'the place of the provider two'],
  [['--to-dir', 'x', '--at', 'yesterday'], 'ISO 8601'],
  [['--to-dir', 'x', '--at', '2026-03-01T12:00:00'], 'in which zone'],
  [['nobody', '--to-dir', 'x'], 'no policy "nobody"'],
])('%j is bad usage', async (args, why) => {
  await using desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(directories));
  const { code, stderr } = await desk.run(['restore', ...c, ...args]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
});

test('of several policies one must be named', async () => {
  await using desk = await openDesk();
  const more = '  - { name: more, source: primary, prefix: x/, targets: [one], minCopies: 1 }';
  await desk.write(
    'holdfast.yaml',
    configOf(directories).replace('docs,', 'docs, prefix: d/,').replace('http:', `${more}\nhttp:`),
  );
  const { code, stderr } = await desk.run(['restore', ...c, '--to-dir', 'x']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('there are: docs, more')]);
});

// versitygw is Go and comes without a package; test/support/servers.ts knows how to get it, and the run says so.
describe.runIf(findServer('versitygw') !== undefined)('a bucket as the source', () => {
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

  const Metadata = { owner: 'ana' };
  const keys = ['large.bin', ...Array.from({ length: 6 }, (_, n) => `photos/${n}.jpg`)];
  const bytesFor = (key: string): Buffer => bytesOf(key === 'large.bin' ? 10 * MiB : 1_000, key);

  async function openFilled(Bucket: string): Promise<Desk> {
    const desk = await openDesk();
    await client.send(new CreateBucketCommand({ Bucket }));
    for (const Key of keys) {
      await client.send(new PutObjectCommand({ Bucket, Key, Body: bytesFor(Key), ContentType: 'image/x', Metadata }));
    }
    const { endpoint = '', accessKeyId = '', secretAccessKey = '' } = server ?? {};
    const primary = `{ type: s3, bucket: ${Bucket}, region: us-east-1, endpoint: "${endpoint}", forcePathStyle: true, credentials: { accessKeyId: ${accessKeyId}, secretAccessKey: ${secretAccessKey} } }`;
    const targets = { one: '{ type: filesystem, path: ./one }', azure: await container(Bucket) };
    await desk.write('holdfast.yaml', configOf(targets).replace('{ type: filesystem, path: ./source }', primary));
    expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 0 });
    for (const Key of keys) await client.send(new DeleteObjectCommand({ Bucket, Key }));
    return desk;
  }

  test.each([
    ['with its catalog', false],
    ['without a catalog, which was lost too', true],
  ])('comes back %s, headers and metadata too, and the next pass finds all in place', async (_, lost) => {
    const Bucket = `source-${String(lost)}`;
    await using desk = await openFilled(Bucket);
    if (lost) for (const ending of ['', '-wal', '-shm']) await rm(desk.at(`catalog.db${ending}`), { force: true });
    else expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 3 });
    const restored = await desk.json('restore', ...c, '--to', 'primary');
    expect(restored).toMatchObject({ code: 0, document: { objects: 7, restored: 7, failed: 0 } });
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'photos/3.jpg' }));
    expect(head).toMatchObject({ ContentType: 'image/x', Metadata });
    const { code, document } = await desk.json('reconcile', ...c);
    const all = { outcome: 'complete', copied: 0, repaired: 0, inPlace: 14, failed: 0, held: 0 };
    expect([code, document]).toMatchObject([0, { policies: [all] }]);
  });
});

test('a directory keeps headers and metadata beside the files, and odd keys elsewhere', async () => {
  await using desk = await openDesk();
  const primary = await container('odd-keys');
  await desk.write('holdfast.yaml', configOf(directories).replace('{ type: filesystem, path: ./source }', primary));
  const blobs = BlobServiceClient.fromConnectionString(azure.connectionString).getContainerClient('odd-keys');
  // No directory holds both as files.
  for (const key of ['x', 'x/y']) {
    const options = { metadata: { owner: 'ana' }, blobHTTPHeaders: { blobContentType: 'image/x' } };
    await blobs.getBlockBlobClient(key).upload(key, key.length, options);
  }
  expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 0 });
  const { code, stdout } = await desk.run(['restore', ...c, '--to-dir', 'back']);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/1 have keys .* below \.holdfast\/keys/)]);
  const surroundings = { clock: systemClock, random: Math.random, onRequest: () => undefined };
  const provider = await openProvider('back', { type: 'filesystem', path: desk.at('back') }, surroundings);
  await provider.connect('source', calm);
  for (const key of ['x', 'x/y']) {
    const attributes = { contentType: 'image/x', metadata: { owner: 'ana' } };
    expect(await provider.head(key, calm)).toMatchObject({ attributes, record: { size: key.length } });
  }
  await provider.close();
});
