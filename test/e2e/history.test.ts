import { randomUUID } from 'node:crypto';
import { BlobServiceClient } from '@azure/storage-blob';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KeptVersion } from '../../src/catalog/kept.ts';
import { openSqliteCatalog } from '../../src/catalog/sqlite/open.ts';
import { systemClock } from '../../src/objects/clock.ts';
import { compareKeys } from '../../src/objects/key.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { openProvider, type ProviderSettings } from '../../src/providers/open.ts';
import { historyPrefix, withoutKey } from '../../src/replication/kept-name.ts';
import { readKept } from '../../src/replication/read-kept.ts';
import { startAzurite, type Azurite } from '../support/azurite.ts';
import { bytesOf } from '../support/bytes.ts';
import { configOf, openDesk, type Desk } from '../support/cli.ts';
import { startFakeGcsServer, type RunningServer } from '../support/fake-gcs-server.ts';
import { calm, listed } from '../support/s3-room.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

const plain = `b${randomUUID()}`;
const versioned = `v${randomUUID()}`;
let s3: Versitygw | undefined;
let gcs: RunningServer | undefined;
let azure: Azurite;

beforeAll(async () => {
  [s3, gcs, azure] = await Promise.all([startVersitygw({ versioning: true }), startFakeGcsServer(), startAzurite()]);
  await BlobServiceClient.fromConnectionString(azure.connectionString).createContainer(plain);
  if (s3 !== undefined) await createBuckets(s3);
  if (gcs === undefined) return;
  await post(`${gcs.endpoint}/storage/v1/b?project=test`, { name: plain });
  await post(`${gcs.endpoint}/storage/v1/b?project=test`, { name: versioned, versioning: { enabled: true } });
});

afterAll(async () => {
  await Promise.all([s3?.stop(), gcs?.stop(), azure.stop()]);
});

async function createBuckets({ endpoint, accessKeyId, secretAccessKey }: Versitygw): Promise<void> {
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  for (const Bucket of [plain, versioned]) await client.send(new CreateBucketCommand({ Bucket }));
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await client.send(new PutBucketVersioningCommand({ Bucket: versioned, VersioningConfiguration }));
  client.destroy();
}

async function post(url: string, body: object): Promise<void> {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  expect(answer.ok).toBe(true);
}

/** Those of the servers that this machine has, as targets. */
function targets(desk: Desk): Record<string, ProviderSettings> {
  const found: Record<string, ProviderSettings> = {
    disk: { type: 'filesystem', path: desk.at('disk'), prefix: 'deep/down/' },
    azure: { type: 'azure', container: plain, connectionString: azure.connectionString },
  };
  if (s3 !== undefined) {
    const { endpoint, accessKeyId, secretAccessKey } = s3;
    const common = {
      type: 's3',
      endpoint,
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    } as const;
    found.s3 = { ...common, bucket: plain };
    found['s3-versioned'] = { ...common, bucket: versioned };
  }
  if (gcs !== undefined) {
    found.gcs = { type: 'gcs', bucket: plain, endpoint: gcs.endpoint };
    found['gcs-versioned'] = { type: 'gcs', bucket: versioned, endpoint: gcs.endpoint };
  }
  return found;
}

async function withProviders<T>(
  places: Readonly<Record<string, ProviderSettings>>,
  use: (providers: ReadonlyMap<string, Provider>) => Promise<T>,
): Promise<T> {
  const providers = new Map<string, Provider>();
  const surroundings = { clock: systemClock, random: Math.random, onRequest: () => undefined };
  for (const [name, settings] of Object.entries(places)) {
    providers.set(name, await openProvider(name, settings, surroundings));
  }
  try {
    return await use(providers);
  } finally {
    for (const provider of providers.values()) await provider.close();
  }
}

const part = (name: string): string => `${name.repeat(120)}/`;
const longKey = `${part('a')}${part('b')}${part('c')}${part('d')}${part('e')}${part('f')}${part('g')}${part('h')}${'k'.repeat(56)}`;
const files: Readonly<Record<string, number>> = {
  'note.txt': 11,
  'empty.bin': 0,
  'odd. ': 5,
  'ü/😀.jpg': 1_000,
  'large.bin': 9 * 1024 ** 2 + 3,
  [longKey]: 64,
};

async function writeAll(desk: Desk, seed: string): Promise<Map<string, Buffer>> {
  const written = new Map<string, Buffer>();
  for (const [key, size] of Object.entries(files)) {
    const bytes = bytesOf(size, `${seed} ${key}`);
    await desk.write(`source/${key}`, bytes);
    written.set(key, bytes);
  }
  return written;
}

async function reconcile(desk: Desk): Promise<unknown> {
  const { document } = await desk.json<{ policies: unknown[] }>('reconcile', '-c', 'holdfast.yaml');
  return document.policies[0];
}

/** All that is kept, by key, newest first. */
async function allKept(desk: Desk): Promise<Map<string, KeptVersion[]>> {
  await using catalog = await openSqliteCatalog({ path: desk.at('catalog.db'), clock: systemClock });
  const found = new Map<string, KeptVersion[]>();
  for await (const page of catalog.scanKept('docs', {}))
    for (const version of page) found.set(version.key, [...(found.get(version.key) ?? []), version]);
  return found;
}

async function bytesAt(version: KeptVersion, providers: ReadonlyMap<string, Provider>): Promise<Buffer> {
  const provider = providers.get(version.target);
  if (provider === undefined) throw new Error(`no ${version.target}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of readKept(version, provider, calm)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('what overwrites replace at real servers is read back, and goes when its time is over', async () => {
  expect(Buffer.byteLength(longKey)).toBe(1024);
  await using desk = await openDesk();
  const places = targets(desk);
  const yaml = configOf(
    Object.fromEntries(Object.entries(places).map(([name, place]) => [name, JSON.stringify(place)])),
  );
  const policy = 'minCopies: 1, history: 1h, guard: { maxChanged: 100% },';
  await desk.write('holdfast.yaml', yaml.replace('minCopies: 1,', policy));
  const first = await writeAll(desk, 'first');
  expect(await reconcile(desk)).toMatchObject({ outcome: 'complete', failed: 0 });
  await writeAll(desk, 'second');
  expect(await reconcile(desk)).toMatchObject({ outcome: 'complete', failed: 0 });
  const kept = await allKept(desk);
  expect([...kept.keys()].toSorted(compareKeys)).toEqual(Object.keys(files).toSorted(compareKeys));
  const { document } = await desk.json<object>('inspect', 'docs', 'note.txt', '-c', 'holdfast.yaml');
  expect(document).toMatchObject({ kept: JSON.parse(JSON.stringify(kept.get('note.txt'))) as unknown });
  const { stdout } = await desk.run(['inspect', 'docs', 'note.txt', '-c', 'holdfast.yaml']);
  expect(stdout).toMatch(/kept versions, newest first\n +\S+: replaced .+, kept until .+, 11 bytes/);
  await withProviders(places, async (providers) => {
    for (const [key, versions] of kept) {
      expect(versions.map(({ target }) => target).toSorted(compareKeys)).toEqual(
        [...providers.keys()].toSorted(compareKeys),
      );
      for (const version of versions) {
        const where = `${key} at ${version.target}`;
        const by = version.target.endsWith('versioned') ? 'provider' : 'holdfast';
        const isFirst = first.get(key)?.equals(await bytesAt(version, providers));
        expect([where, version.place.by, isFirst]).toEqual([where, by, true]);
        if (version.place.by === 'holdfast') await tellsItself(version.place.key, key, providers.get(version.target));
      }
    }
  });

  await expireAll(desk);
  expect(await reconcile(desk)).toMatchObject({ outcome: 'complete', copied: 0, failed: 0 });
  await withProviders(places, async (providers) => {
    for (const [name, provider] of providers) {
      expect([name, await listed(provider, historyPrefix)]).toEqual([name, []]);
      expect([name, ...(await listed(provider))]).toEqual([name, ...Object.keys(files).toSorted(compareKeys)]);
    }
  });
  expect((await allKept(desk)).size).toBe(0);
}, 180_000);

async function tellsItself(at: string, key: string, provider: Provider | undefined): Promise<void> {
  const head = await provider?.head(at, calm);
  expect(withoutKey(head?.attributes ?? { metadata: {} }).key).toBe(key);
}

/** An hour later, as far as what is kept goes, and the clock has been right for long. */
async function expireAll(desk: Desk): Promise<void> {
  await using catalog = await openSqliteCatalog({ path: desk.at('catalog.db'), clock: systemClock });
  const { lastPass } = await catalog.readPolicy('docs');
  if (lastPass === null) throw new Error('a pass was made');
  await catalog.updatePolicy('docs', { lastPass: { ...lastPass, steady: { since: 0, interval: 0 } } });
  for await (const page of catalog.scanKept('docs', {})) {
    for (const version of page) await catalog.noteKept('docs', { ...version, expiresAt: version.replacedAt });
  }
}
