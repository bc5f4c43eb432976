import { expect, test } from 'vitest';
import { expectError, keysIn, put } from '../../contract/provider/room.ts';
import { azureRoom, calm, requestsSeen } from './room.ts';

const room = azureRoom();
const feature = { status: 400, headers: { 'x-ms-error-code': 'FeatureNotSupported' } };

test('Azurite checks a CRC64 and tells it back for blocks, an MD5 for whole blobs', async () => {
  const { provider } = room();
  expect(await provider.connect('target', calm)).toMatchObject({
    attests: { put: 'md5', upload: 'crc64nvme of every part' },
    wants: { put: ['md5'], part: ['crc64nvme'], upload: [] },
    conditionalWrites: true,
    conditionalDeletes: true,
  });
});

test('nothing is attested where wrong checksums are accepted', async () => {
  const { provider, proxy } = room();
  // A server that has never heard of checksums takes whatever comes.
  proxy.inject({
    match: { method: 'PUT', path: /probe(?!\/order)/ },
    fault: { status: 201, headers: { etag: '"0x1"' } },
  });
  const capabilities = await provider.connect('target', calm);
  expect(capabilities).toMatchObject({
    attests: {},
    wants: { put: [], part: [], upload: [] },
    conditionalWrites: false,
  });
  proxy.clear();
  expect((await put(provider, 'blob', 'bytes')).attested).toBeUndefined();
});

test.each([
  ['accepts any delete', { status: 202 }],
  ['allows no delete', { status: 403, headers: { 'x-ms-error-code': 'AuthorizationPermissionMismatch' } }],
])('deletes are not conditional at a server that %s', async (_, fault) => {
  const { provider, proxy } = room();
  proxy.inject({ match: { method: 'DELETE' }, fault });
  expect(await provider.connect('target', calm)).toMatchObject({ conditionalWrites: true, conditionalDeletes: false });
});

test('nothing is attested where checksums are refused as unknown', async () => {
  const { provider, proxy } = room();
  for (const header of ['content-md5', 'x-ms-content-crc64']) proxy.inject({ match: { header }, fault: feature });
  expect((await provider.connect('target', calm)).attests).toEqual({});
});

test('nothing is attested where right checksums are not told back', async () => {
  const { provider, proxy } = room();
  proxy.inject({ match: { method: 'PUT' }, fault: { hide: ['content-md5', 'x-ms-content-crc64'] } });
  expect((await provider.connect('target', calm)).attests).toEqual({});
});

test('an outage in the middle of the probe is no finding: connect throws, and never finds out less', async () => {
  const { provider, open, proxy } = room();
  const whole = await provider.connect('target', calm);
  let failures = 0;
  for (let nth = 1; ; nth += 1) {
    const restarted = await open({});
    proxy.resetTraffic();
    const lift = proxy.inject({ match: { nth }, fault: { status: 503 } });
    const outcome = await restarted.connect('target', calm).catch((error: unknown) => error);
    lift();
    if (outcome instanceof Error) failures += 1;
    if (outcome instanceof Error) expect(outcome).toMatchObject({ name: 'ProviderError', code: 'throttled' });
    else expect(outcome).toEqual(whole);
    if (requestsSeen(proxy) < nth) break;
  }
  expect(failures).toBeGreaterThan(10);
});

test('the second start finds its canaries for the order of listings and writes no new ones', async () => {
  const { provider, open, proxy } = room();
  await provider.connect('target', calm);
  const left = await keysIn(provider, { prefix: '.holdfast/' });
  expect(left.every((key) => key.startsWith('.holdfast/probe/order/'))).toBe(true);
  proxy.resetTraffic();
  const restarted = await open({});
  await restarted.connect('target', calm);
  expect(await keysIn(restarted, { prefix: '.holdfast/' })).toEqual(left);
  expect(proxy.traffic.get('PUT')?.requests).toBeLessThan(12);
});

test('its own objects stand below the root', async () => {
  const { open } = room();
  const provider = await open({ root: 'replicas/' });
  await provider.connect('target', calm);
  const metadata = { 'x-y': '1' };
  await put(provider, 'replicas/a', 'bytes', { attributes: { metadata } });
  expect((await provider.head('replicas/a', calm)).attributes).toEqual({ metadata });
  expect((await keysIn(provider)).every((key) => key.startsWith('replicas/'))).toBe(true);
  expect(
    (await keysIn(provider, { prefix: 'replicas/.holdfast/' })).some((key) =>
      key.startsWith('replicas/.holdfast/descriptions/'),
    ),
  ).toBe(true);
});

test('a container that is not there is not-found, with advice', async () => {
  const { open } = room();
  const provider = await open({ container: 'missing' });
  for (const role of ['source', 'target'] as const) {
    const error = await expectError(provider.connect(role, calm), 'not-found');
    expect(error.message).toMatch(/container "missing".*ContainerNotFound.*Create the container/);
  }
  await expectError(put(provider, 'a', 'x'), 'not-found');
  await expectError(keysIn(provider), 'not-found');
  await expectError(provider.delete('a', {}, calm), 'not-found');
});
