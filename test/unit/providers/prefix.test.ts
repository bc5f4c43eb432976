import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import type { ProviderSettings } from '../../../src/providers/open.ts';
import { openProvider } from '../../../src/providers/open.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import { partsOf, smallestPart, start, finish } from '../../contract/provider/parts.ts';
import { calm, collect, keysIn, put, readAll } from '../../contract/provider/room.ts';
import { startAzurite } from '../../support/azurite.ts';
import { bytesOf } from '../../support/bytes.ts';
import { startFakeGcs } from '../../support/fake-gcs/server.ts';
import { startFakeS3 } from '../../support/fake-s3/fake-s3.ts';
import type { FaultyProxy } from '../../support/faulty-proxy.ts';
import { startFaultyProxy } from '../../support/faulty-proxy.ts';

/** A server behind a proxy that plays the policy of credentials limited to a prefix. */
interface Place {
  readonly proxy: FaultyProxy;
  /** Of one bucket, empty at first. */
  settings(prefix: string): ProviderSettings;
  /** All keys in it. */
  keys(): Promise<string[]>;
  /** Matches the path of every request that such credentials do not allow. */
  outside(prefix: string): RegExp;
  stop(): Promise<void>;
}

async function s3(): Promise<Place> {
  const fake = await startFakeS3({ pageSize: 10, minPartSize: 1 });
  const proxy = await startFaultyProxy(fake.access.endpoint);
  const access = { ...fake.access, endpoint: proxy.url };
  return {
    proxy,
    settings: (prefix) => ({ type: 's3', bucket: 'bucket', ...access, prefix }),
    keys: () => Promise.resolve([...fake.objects().keys()]),
    outside: (prefix) => new RegExp(`^/bucket(?!/${prefix}|/?[?](.*&)?prefix=${encodeURIComponent(prefix)})`),
    stop: () => fake.stop(),
  };
}

async function gcs(): Promise<Place> {
  const fake = await startFakeGcs();
  const bucket = new Map();
  fake.buckets.set('copies', bucket);
  const proxy = await startFaultyProxy(fake.endpoint);
  return {
    proxy,
    settings: (prefix) => ({ type: 'gcs', bucket: 'copies', endpoint: proxy.url, prefix }),
    keys: () => Promise.resolve([...bucket.keys()] as string[]),
    // The names of what is written stand in the bodies; what became of them shows in the bucket.
    outside: (prefix) => {
      const encoded = encodeURIComponent(prefix);
      return new RegExp(`^/storage/v1/b/copies(?!/o/${encoded}|/o[?](.*&)?prefix=${encoded})`);
    },
    stop: () => fake.stop(),
  };
}

async function azure(): Promise<Place> {
  const azurite = await startAzurite();
  const { account, accountKey, connectionString } = azurite;
  const blobs = BlobServiceClient.fromConnectionString(connectionString).getContainerClient('copies');
  await blobs.create();
  const proxy = await startFaultyProxy(azurite.endpoint);
  const endpoint = `${proxy.url}/${account}`;
  return {
    proxy,
    settings: (prefix) => ({ type: 'azure', container: 'copies', account, accountKey, endpoint, prefix }),
    keys: async () => (await Array.fromAsync(blobs.listBlobsFlat())).map(({ name }) => name),
    outside: (prefix) => {
      const encoded = encodeURIComponent(prefix);
      return new RegExp(`^/${account}/copies(?!/${prefix}|/${encoded}|[?](.*&)?prefix=${encoded})`);
    },
    stop: () => azurite.stop(),
  };
}

const surroundings = { clock: systemClock, random: Math.random, onRequest: () => undefined };

describe.each([
  ['s3', s3],
  ['gcs', gcs],
  ['azure', azure],
])('%s with a prefix', (_, startPlace) => {
  let place: Place;
  let opened: Provider[];
  beforeAll(async () => {
    place = await startPlace();
  });
  afterAll(async () => {
    await place.proxy.stop();
    await place.stop();
  });
  beforeEach(() => {
    opened = [];
  });
  afterEach(async () => {
    for (const provider of opened) await provider.close();
    place.proxy.clear();
  });

  async function open(prefix: string): Promise<Provider> {
    const provider = await openProvider('copies', place.settings(prefix), surroundings);
    opened.push(provider);
    return provider;
  }

  /** No metadata of any of them holds this as it is, so it takes a description. */
  const attributes = { contentType: 'text/plain; title="ä"', metadata: { 'Ünicode ': '\n' } };

  test('credentials for the prefix suffice, and nothing is written beside it', async () => {
    place.proxy.inject({ match: { path: place.outside('a/one/') }, fault: { status: 403 } });
    await (await open('a/one/')).connect('source', calm);
    const provider = await open('a/one/');
    const capabilities = await provider.connect('target', calm);
    expect(capabilities.conditionalWrites).toBe(true);
    await put(provider, 'described', 'x', { attributes });
    const bytes = bytesOf(10, 'upload');
    const partSize = smallestPart(capabilities);
    const upload = await start(provider, 'uploaded', { size: bytes.length, partSize }, { attributes });
    for (const part of await partsOf(bytes, partSize)) await upload.part(part, calm);
    await finish(upload, bytes);
    await put(provider, 'line\nbreak', 'x');
    await put(provider, 'deleted', 'x');
    await provider.delete('deleted', {}, calm);
    expect(await keysIn(provider)).toEqual(['described', 'line\nbreak', 'uploaded']);
    expect((await provider.head('described', calm)).attributes).toEqual(attributes);
    expect((await provider.head('uploaded', calm)).attributes).toEqual(attributes);
    expect((await readAll(provider, 'uploaded')).equals(bytes)).toBe(true);
    expect((await place.keys()).filter((key) => !key.startsWith('a/one/'))).toEqual([]);
  });

  test('two in one bucket see nothing of each other', async () => {
    const [one, two] = [await open('b/one/'), await open('b/two/')];
    for (const provider of [one, two]) await provider.connect('target', calm);
    await put(one, 'k', 'one', { attributes });
    await put(two, 'k', 'two', { attributes });
    await put(two, 'other', 'two');
    expect([await keysIn(one), await keysIn(two)]).toEqual([['k'], ['k', 'other']]);
    for (const provider of [one, two]) {
      const descriptions = await keysIn(provider, { prefix: '.holdfast/descriptions/' });
      expect(descriptions).toHaveLength(1);
      await provider.delete(descriptions[0] ?? '', {}, calm);
      expect((await provider.head('k', calm)).attributes).not.toEqual(attributes);
    }
    await one.delete('k', {}, calm);
    expect(String(await readAll(two, 'k'))).toBe('two');
    expect(await keysIn(one)).toEqual([]);
  });
});

test('a pass does not page through what is reserved below a prefix', async () => {
  const fake = await startFakeS3({ pageSize: 10 });
  const { endpoint, ...access } = fake.access;
  const provider = await openProvider(
    'copies',
    { type: 's3', bucket: 'bucket', endpoint, ...access, prefix: 'p/' },
    surroundings,
  );
  for (let n = 0; n < 500; n += 1) fake.place(`p/.holdfast/descriptions/${n}`, 'x');
  for (const key of ['p/!', 'p/a', 'p/z', 'q']) fake.place(key, key);
  expect(await keysIn(provider)).toEqual(['!', 'a', 'z']);
  // Two for the keys held as they are, one for those held encoded.
  expect(fake.count('ListObjectsV2')).toBe(3);
  await provider.close();
  await fake.stop();
});

test('nor does one of Cloud Storage', async () => {
  const fake = await startFakeGcs();
  const bucket = new Map();
  fake.buckets.set('copies', bucket);
  const settings = { type: 'gcs', bucket: 'copies', endpoint: fake.endpoint, prefix: 'p/' } as const;
  const provider = await openProvider('copies', settings, surroundings);
  await put(provider, 'z', 'x');
  await put(provider, '!', 'x');
  const like = bucket.get('p/z') as object;
  for (let n = 0; n < 4_000; n += 1) {
    const name = `p/.holdfast/descriptions/${n}`;
    bucket.set(name, { ...like, name });
  }
  const before = fake.requests('object.list');
  expect((await collect(provider)).map(({ key }) => key)).toEqual(['!', 'z']);
  expect(fake.requests('object.list') - before).toBe(3);
  await provider.close();
  await fake.stop();
});
