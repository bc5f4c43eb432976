import { readdir, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync } from 'node:zlib';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, test, vi } from 'vitest';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';
import { findServer } from '../support/servers.ts';
import { startVersitygw } from '../support/versitygw.ts';

const c = ['-c', 'holdfast.yaml'];
const names = ['a', 'b/c', 'b/d e', 'ü'];

async function deskWithCopies(): Promise<Desk> {
  const desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(directories));
  for (const name of names) await desk.write(`source/${name}`, `the bytes of ${name}`);
  expect((await desk.run(['reconcile', ...c])).code).toBe(0);
  return desk;
}

async function loseCatalog(desk: Desk): Promise<void> {
  for (const ending of ['', '-wal', '-shm']) await rm(desk.at(`catalog.db${ending}`), { force: true });
}

interface Rebuilt {
  readonly aside: string | null;
  readonly policies: readonly Record<string, unknown>[];
  readonly problems: readonly { readonly key: string; readonly state: string }[];
}

const inPlace = { outcome: 'complete', objects: 4, copied: 0, repaired: 0, bytesCopied: 0, inPlace: 8, failed: 0 };

test('a catalog that was deleted is rebuilt from the targets; the next pass copies nothing', async () => {
  await using desk = await deskWithCopies();
  await loseCatalog(desk);
  const rebuilt = await desk.json<Rebuilt>('rebuild-catalog', '--no-snapshot', ...c);
  expect(rebuilt).toMatchObject({
    code: 0,
    document: { aside: null, policies: [{ objects: 4, verified: 0, unproven: 8, missing: 0 }], problems: [] },
  });
  const after = await desk.json<object>('reconcile', ...c);
  expect(after).toMatchObject({ code: 0, document: { policies: [inPlace] } });
});

test('--deep reads every copy: what it proves is evidence, and needs no source', async () => {
  await using desk = await deskWithCopies();
  await loseCatalog(desk);
  await rm(desk.at('source'), { recursive: true });
  const rebuilt = await desk.json<Rebuilt>('rebuild-catalog', '--deep', '--no-snapshot', ...c);
  expect(rebuilt).toMatchObject({ code: 0, document: { policies: [{ objects: 4, verified: 8, unproven: 0 }] } });
  const inspected = await desk.json<object>('inspect', 'docs', 'b/c', ...c);
  expect(inspected).toMatchObject({
    code: 0,
    document: { object: { state: 'present', copies: [{ evidence: { method: 'read' } }, { state: 'verified' }] } },
  });
  // The source is gone: held, and no copy is touched.
  expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 3 });
  expect(await readFile(desk.at('one/b/c'), 'utf8')).toBe('the bytes of b/c');
});

test('a sound catalog is not replaced unless that is asked for, and then kept beside', async () => {
  await using desk = await deskWithCopies();
  const refused = await desk.run(['rebuild-catalog', ...c]);
  expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--replace') as string });
  const { code, document } = await desk.json<Rebuilt>('rebuild-catalog', '--replace', '--no-snapshot', ...c);
  expect([code, document.policies]).toMatchObject([0, [{ objects: 4 }]]);
  using old = new DatabaseSync(document.aside ?? '');
  expect(old.prepare('select count(*) as n from objects').get()).toEqual({ n: 4 });
  expect((await desk.run(['reconcile', ...c])).code).toBe(0);
});

test('a sound catalog is not replaced by an empty one, because nothing can be reached', async () => {
  await using desk = await deskWithCopies();
  for (const name of ['one', 'two']) await rename(desk.at(name), desk.at(`${name}.away`));
  const { code, stderr } = await desk.run(['rebuild-catalog', '--replace', ...c]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('it was left as it is')]);
  using kept = new DatabaseSync(desk.at('catalog.db'));
  expect(kept.prepare('select count(*) as n from objects').get()).toEqual({ n: 4 });
});

test('a daemon that works with the catalog is not worked around', async () => {
  await using desk = await deskWithCopies();
  const daemon = desk.start(['daemon', ...c]);
  await daemon.says(/health/);
  expect(await desk.run(['rebuild-catalog', '--replace', ...c])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('in use by another process') as string,
  });
  expect(await daemon.signal('SIGTERM')).toMatchObject({ code: 0 });
});

test.each([
  ['no database', async (desk: Desk) => await writeFile(desk.at('catalog.db'), 'x'.repeat(10_000))],
  ['cut off', async (desk: Desk) => await truncate(desk.at('catalog.db'), 8192)],
])('a damaged catalog (%s) is moved aside under a name that says so', async (_, spoil) => {
  await using desk = await deskWithCopies();
  await spoil(desk);
  const damaged = await readFile(desk.at('catalog.db'));
  expect((await desk.run(['status', ...c])).stderr).toContain('rebuild-catalog');
  const { code, document } = await desk.json<Rebuilt>('rebuild-catalog', '--no-snapshot', ...c);
  expect([code, document.aside]).toEqual([0, expect.stringMatching(/catalog\.db\.corrupt-\d{8}T\d+Z$/)]);
  expect(await readFile(document.aside ?? '')).toEqual(damaged);
  const after = await desk.json<object>('reconcile', ...c);
  expect(after).toMatchObject({ code: 0, document: { policies: [inPlace] } });
  expect((await readdir(desk.directory)).filter((name) => name.includes('rebuilding'))).toEqual([]);
});

test('a target that is gone, and a thing that nobody knows, are named', async () => {
  await using desk = await deskWithCopies();
  await loseCatalog(desk);
  await rm(desk.at('two'), { recursive: true });
  await writeFile(desk.at('one/stray'), 'no copy of anything');
  const { code, stdout, stderr } = await desk.run(['rebuild-catalog', '--no-snapshot', ...c]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/docs: unreached: at two: /);
  expect(stderr).toMatch(/docs: unrecorded: stray at one: /);
  expect(stdout).toContain('not listed to the end: two');
});

interface Stored {
  readonly snapshots: readonly { readonly target: string; readonly ageSeconds: number; readonly error: null }[];
}

test('the newest good snapshot is used: evidence comes back unread, and what changed since is found', async () => {
  await using desk = await deskWithCopies();
  const status = await desk.json<Stored>('status', ...c);
  expect(status).toMatchObject({
    code: 0,
    document: { snapshots: [{ target: 'one', error: null }, { target: 'two' }] },
  });
  await desk.write('source/later', 'written after the snapshot');
  await desk.write('source/a', 'changed after the snapshot');
  await utimes(desk.at('source/a'), new Date(), new Date(Date.now() + 60_000));
  expect((await desk.run(['reconcile', ...c])).code).toBe(0);
  await loseCatalog(desk);
  await rm(desk.at('two', 'b', 'c'));
  const { code, document } = await desk.json<Rebuilt>('rebuild-catalog', ...c);
  expect([code, document]).toMatchObject([
    1,
    {
      snapshot: { key: expect.stringContaining('.holdfast/catalog/') as string },
      policies: [{ objects: 5, fromSnapshot: 2, verified: 5, unproven: 4, missing: 1, disagreements: 0 }],
      problems: [{ key: 'b/c', provider: 'two', state: 'missing' }],
    },
  ]);
  const after = await desk.json<object>('reconcile', ...c);
  expect(after).toMatchObject({
    code: 0,
    document: { policies: [{ outcome: 'complete', objects: 5, copied: 0, repaired: 1, inPlace: 9, failed: 0 }] },
  });
  expect(await readFile(desk.at('one/a'), 'utf8')).toBe('changed after the snapshot');
});

test('a rebuild that is killed leaves the place as it was; the next one begins anew', async () => {
  await using desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(directories));
  for (let n = 0; n < 4; n += 1) await desk.write(`source/${n}`, Buffer.alloc(2 * 1024 ** 2, n + 1));
  expect((await desk.run(['reconcile', ...c])).code).toBe(0);
  await writeFile(desk.at('catalog.db'), 'damaged');
  await desk.write('slow.yaml', configOf(directories, 'limits: { bandwidth: 64KiB/s }'));
  const killed = desk.start(['rebuild-catalog', '--deep', '--no-snapshot', '-c', 'slow.yaml']);
  await vi.waitFor(async () => expect(await readdir(desk.directory)).toContain('catalog.db.rebuilding'), 20_000);
  const another = await desk.run(['rebuild-catalog', ...c]);
  expect(another).toMatchObject({ code: 2, stderr: expect.stringContaining('in use by another process') as string });
  await killed.signal('SIGKILL');
  expect(await readFile(desk.at('catalog.db'), 'utf8')).toBe('damaged');
  expect(await desk.run(['rebuild-catalog', '--no-snapshot', ...c])).toMatchObject({ code: 0 });
  expect((await readdir(desk.directory)).filter((name) => name.includes('rebuilding'))).toEqual([]);
  const after = await desk.json<object>('reconcile', ...c);
  expect(after).toMatchObject({ code: 0, document: { policies: [{ copied: 0, repaired: 0, inPlace: 8 }] } });
});

test('neither the catalog nor its snapshots hold a secret', async () => {
  await using desk = await openDesk();
  const nobody = 'http://127.0.0.1:9';
  const aws = `{ type: s3, bucket: b, region: us-east-1, endpoint: "${nobody}", credentials: { accessKeyId: AKIDSECRET1, secretAccessKey: SECRET2 } }`;
  const azure = `{ type: azure, container: copies, account: acc, endpoint: "${nobody}", sasToken: "sv=2020&sig=SECRET3" }`;
  await desk.write(
    'holdfast.yaml',
    configOf({ one: directories.one, aws, azure }, 'http: { listen: 127.0.0.1:0, token: SECRET4 }'),
  );
  await desk.write('source/a', 'x');
  expect((await desk.run(['reconcile', ...c])).code).toBe(1);
  const stored = await readdir(desk.at('one/.holdfast/catalog'), { recursive: true });
  const [snapshot = ''] = stored.filter((name) => name.endsWith('.gz'));
  const files = [
    await readFile(desk.at('catalog.db')),
    gunzipSync(await readFile(desk.at('one/.holdfast/catalog', snapshot))),
  ];
  for (const bytes of files) expect(bytes.toString('latin1')).not.toMatch(/SECRET/);
});

// versitygw is Go and comes without a package; test/support/servers.ts knows how to get it, and the run says so.
test.runIf(findServer('versitygw') !== undefined)('what an S3 server attests is evidence again, unread', async () => {
  await using desk = await openDesk();
  const server = await startVersitygw();
  if (server === undefined) throw new Error('versitygw was here a moment ago.');
  try {
    const { endpoint, accessKeyId, secretAccessKey } = server;
    const credentials = { accessKeyId, secretAccessKey };
    const client = new S3Client({ endpoint, forcePathStyle: true, credentials, region: 'us-east-1' });
    await client.send(new CreateBucketCommand({ Bucket: 'copies' }));
    client.destroy();
    const s3 = `{ type: s3, bucket: copies, region: us-east-1, endpoint: "${endpoint}", forcePathStyle: true, credentials: { accessKeyId: ${accessKeyId}, secretAccessKey: ${secretAccessKey} } }`;
    await desk.write('holdfast.yaml', configOf({ one: directories.one, s3 }));
    for (const name of names) await desk.write(`source/${name}`, `the bytes of ${name}`);
    expect((await desk.run(['reconcile', ...c])).code).toBe(0);
    await loseCatalog(desk);
    const rebuilt = await desk.json<Rebuilt>('rebuild-catalog', '--no-snapshot', ...c);
    expect(rebuilt).toMatchObject({
      code: 0,
      document: { policies: [{ objects: 4, verified: 4, unproven: 4, bytesRead: 0 }] },
    });
    const after = await desk.json<object>('reconcile', ...c);
    expect(after).toMatchObject({ code: 0, document: { policies: [inPlace] } });
    await loseCatalog(desk);
    await rm(desk.at('one'), { recursive: true });
    const fromOne = await desk.json<Rebuilt & { readonly snapshot: object }>('rebuild-catalog', ...c);
    expect(fromOne).toMatchObject({
      code: 1,
      document: { snapshot: { provider: 's3' }, policies: [{ objects: 4, unreached: ['one'] }] },
    });
  } finally {
    await server.stop();
  }
});

test('a damaged snapshot is passed over', async () => {
  await using desk = await deskWithCopies();
  await loseCatalog(desk);
  const spoil = async (target: string): Promise<void> => {
    const directory = desk.at(target, '.holdfast', 'catalog');
    for (const name of await readdir(directory, { recursive: true })) {
      if (!name.endsWith('catalog.db.gz')) continue;
      const bytes = await readFile(join(directory, name));
      bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
      await writeFile(join(directory, name), bytes);
    }
  };
  await spoil('one');
  const first = await desk.json<Rebuilt & { readonly snapshot: object }>('rebuild-catalog', ...c);
  expect(first).toMatchObject({ code: 0, document: { snapshot: { provider: 'two' }, policies: [{ verified: 8 }] } });
  await spoil('two');
  const second = await desk.run(['rebuild-catalog', '--replace', ...c]);
  expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining('0 proven, 8 in place') as string });
  expect(second.stderr).toContain('passed over');
});
