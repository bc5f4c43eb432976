import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../../src/objects/clock.ts';
import { TokenBucket } from '../../../src/providers/token-bucket.ts';
import type { ProviderSettings, ProviderSurroundings } from '../../../src/providers/open.ts';
import { openProvider } from '../../../src/providers/open.ts';
import type { MonitoredProvider } from '../../../src/providers/provider.ts';
import { calm, collect, expectError, keysIn, put, readAll } from '../../contract/provider/room.ts';
import type { FakeS3 } from '../../support/fake-s3/fake-s3.ts';
import { startFakeS3 } from '../../support/fake-s3/fake-s3.ts';
import { newDirectory } from '../filesystem/room.ts';

let path: string;
let fake: FakeS3;
let opened: MonitoredProvider[];
let requests: string[];

beforeEach(async () => {
  path = await newDirectory();
  fake = await startFakeS3({ pageSize: 2 });
  [opened, requests] = [[], []];
});

afterEach(async () => {
  for (const provider of opened) await provider.close();
  await fake.stop();
  await rm(path, { recursive: true, force: true });
});

async function open(
  settings: ProviderSettings,
  surroundings: Partial<ProviderSurroundings> = {},
): Promise<MonitoredProvider> {
  const provider = await openProvider('copies', settings, {
    ...{ clock: { ...systemClock, sleep: () => Promise.resolve() }, random: () => 0 },
    onRequest: (name, operation, outcome) => requests.push(`${name} ${operation} ${outcome}`),
    ...surroundings,
  });
  opened.push(provider);
  return provider;
}

const s3 = (): ProviderSettings => ({ type: 's3', bucket: 'bucket', ...fake.access, prefix: 'p/' });

test('a directory takes its prefix itself, and any key', async () => {
  const provider = await open({ type: 'filesystem', path, prefix: 'a/b/' });
  await provider.connect('target', calm);
  for (const key of ['x', '../x', 'a\udc80', 'k'.repeat(300)]) await put(provider, key, 'bytes');
  expect(await keysIn(provider)).toEqual(['../x', 'a\udc80', 'k'.repeat(300), 'x']);
  expect(await readdir(path)).toEqual(['a']);
  expect(await readdir(join(path, 'a', 'b'))).toEqual(expect.arrayContaining(['.holdfast', 'x']));
});

test('a source that is not there is not-found, and nothing is made in its place', async () => {
  const provider = await open({ type: 'filesystem', path: join(path, 'no') });
  await expectError(provider.connect('source', calm), 'not-found');
  expect(await readdir(path)).toEqual([]);
  await mkdir(join(path, 'no'));
  await provider.connect('source', calm);
  expect(requests).toEqual(['copies connect not-found', 'copies connect ok']);
});

test('what fails in passing is repeated, each attempt is reported, and health tells of it', async () => {
  const provider = await open(s3());
  fake.inject({ match: { operation: 'PutObject', nth: 1 }, fault: 'drop-connection' });
  await put(provider, 'k', 'x');
  expect(requests).toEqual(['copies put unavailable', 'copies put ok']);
  expect(provider.health()).toMatchObject({ state: 'up', lastError: { code: 'unavailable' } });
  fake.inject({ fault: { status: 403, code: 'AccessDenied' } });
  await expectError(put(provider, 'k', 'x'), 'denied');
  expect(provider.health()).toMatchObject({ state: 'degraded', lastError: { code: 'denied' } });
});

test('a server that does not answer is unavailable in time', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const provider = await open(s3());
  fake.inject({ fault: 'stall' });
  let settled = false;
  const looking = provider.head('k', calm).finally(() => (settled = true));
  looking.catch(() => undefined);
  while (!settled) {
    await vi.advanceTimersByTimeAsync(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await expectError(looking, 'unavailable')).message).toContain('did not head within 30 s');
  expect(fake.count()).toBe(5);
});

test('a listing below a prefix goes on where it broke off', async () => {
  const provider = await open(s3());
  for (const key of ['a', 'b', 'c', 'd', 'e']) fake.place(`p/${key}`, key);
  fake.inject({ match: { operation: 'ListObjectsV2', nth: 3 }, fault: 'drop-connection' });
  fake.inject({ match: { operation: 'ListObjectsV2', nth: 5 }, fault: 'slow-down' });
  expect((await collect(provider)).map(({ key }) => key)).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('a key that the provider cannot hold is kept encoded, below the prefix', async () => {
  const provider = await open(s3());
  await put(provider, 'a\udc80', 'x');
  expect([...fake.objects().keys()]).toEqual(['p/.holdfast/keys/6180']);
  expect(await keysIn(provider)).toEqual(['a\udc80']);
  expect(String(await readAll(provider, 'a\udc80'))).toBe('x');
  // The prefix takes two of the 1,024 bytes.
  await put(provider, 'k'.repeat(1_022), 'x');
  await expectError(put(provider, 'k'.repeat(1_023), 'x'), 'unsupported');
});

test('a rate limit holds for all that goes up and comes down', async () => {
  const taken: number[] = [];
  const bucket = (): TokenBucket =>
    new TokenBucket(1_000, { ...systemClock, sleep: async (ms) => void taken.push(ms) });
  const provider = await open({ type: 'filesystem', path }, { bandwidth: { up: bucket(), down: bucket() } });
  await provider.connect('target', calm);
  await put(provider, 'a', Buffer.alloc(600_000));
  await put(provider, 'b', 'x');
  expect(Math.round((taken[0] ?? 0) / 1e5)).toBe(6);
  await readAll(provider, 'a');
  await readAll(provider, 'b');
  expect(Math.round((taken[1] ?? 0) / 1e5)).toBe(6);
});
