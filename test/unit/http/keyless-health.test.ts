import { expect, test } from 'vitest';
import { ProviderError } from '../../../src/objects/errors.ts';
import { startServer, type Served } from '../../../src/http/server.ts';
import { drillNow } from '../../../src/replication/drills.ts';
import { providerStatus, readStatus, type ProviderStatus } from '../../../src/replication/status.ts';
import { openWorld, type World } from '../../support/engine.ts';

/** What anybody is told, and what the token shows. */
async function asked(world: World, providers: readonly ProviderStatus[]): Promise<{ health: string; status: string }> {
  const served: Served = {
    status: async () => await readStatus(world.catalog, [world.policy], providers, world.clock.now()),
    ready: async () => {},
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    problems: async () => undefined,
    reconcileSoon: () => undefined,
  };
  const access = { token: 'token', loopback: true };
  await using server = await startServer(served, access, { host: '127.0.0.1', port: 0 });
  const health = await (await fetch(`${server.url}/health`)).text();
  const headers = { authorization: 'Bearer token' };
  const status = await (await fetch(`${server.url}/api/v1/status`, { headers })).text();
  return { health, status };
}

const calm = new AbortController().signal;

test('health tells anybody of a failed drill and names no key; the API, with the token, does', async () => {
  await using world = await openWorld({ targets: { one: {} } });
  world.source.write('a secret name', 'bytes');
  await world.reconcile();
  world.target('one').flip('a secret name');
  await world.catalog.drills.begin('p', 'one', 0);
  const settings = { sample: 1, bytes: 1000 };
  await drillNow(world.engine, world.policy, world.target('one').site, settings, calm);
  const { health, status } = await asked(world, []);
  expect(health).toMatch(/the drill at one failed: 1 of 1 objects .*checksum-mismatch/);
  expect(health).not.toMatch(/secret/);
  expect(status).toMatch(/"firstFailure":\{"key":"a secret name"/);
});

test('health tells anybody that a provider fails, and by which code; its own words, which name a key, need the token', async () => {
  await using world = await openWorld();
  const message = 'S3 put of "a secret name" in bucket "b" failed';
  const failing = { state: 'degraded', lastError: { code: 'unavailable', message, at: 0 } } as const;
  const { health, status } = await asked(world, [providerStatus('one', failing)]);
  expect(health).toMatch(/provider one is degraded \(unavailable\)/);
  expect(health).toMatch(/"lastError":"unavailable"/);
  expect(health).not.toMatch(/secret/);
  expect(status).toMatch(/S3 put of \\"a secret name\\"/);
});

const secret = new ProviderError('invalid', 'the listing names "a secret name" twice', { provider: 'any' });

const encrypted = async (world: World): Promise<void> => {
  for (const key of ['a secret name', 'a secret place', 'c', 'd', 'e']) world.source.write(key, `BYTES OF ${key}`);
  await world.reconcile();
};

const guard = { maxChanged: 0.1, minObjects: 5 };

test.each<[string, string, (world: World) => Promise<void>]>([
  [
    'a source that is held because it cannot be listed',
    'held: the source could not be listed to its end (invalid)',
    async (world) => {
      world.source.before = ({ operation }) => {
        if (operation === 'list') throw secret;
      };
      await world.reconcile();
    },
  ],
  [
    'a source that could never be listed',
    'the source failed (invalid)',
    async (world) => {
      await world.loseCatalog();
      world.source.before = ({ operation }) => {
        if (operation === 'list') throw secret;
      };
      await world.reconcile();
    },
  ],
  [
    'a target that cannot be listed',
    'any (invalid)',
    async (world) => {
      world.target('one').before = ({ operation }) => {
        if (operation === 'list') throw secret;
      };
      await world.reconcile();
    },
  ],
  [
    'what cannot be identified',
    'the catalog does not know 1 objects (at one: checksum-mismatch)',
    async (world) => {
      await world.loseCatalog();
      for (const { bucket } of [world.source, world.target('one')]) {
        const stored = bucket.objects.get('a secret name');
        if (stored === undefined) throw new Error('It is gone.');
        bucket.objects.set('a secret name', { ...stored, bytes: Buffer.alloc(15), checksums: { crc32c: '00000000' } });
      }
      for (const key of ['a secret place', 'c', 'd', 'e']) world.source.write(key, `BYTES OF ${key}`);
      for (const _ of [1, 2]) await world.reconcile();
    },
  ],
  ['changes that are held', 'more than guard.maxChanged', encrypted],
  [
    'changes that a person decided about',
    'the hold was rejected by me',
    async (world) => {
      await encrypted(world);
      await world.catalog.decideHold('p', 'rejected', { by: 'me' });
    },
  ],
])('health tells anybody of %s in codes and names no key; the API, with the token, does', async (_, said, happen) => {
  await using world = await openWorld({ targets: { one: {} }, policy: { minCopies: 1, guard } });
  for (const key of ['a secret name', 'a secret place', 'c', 'd', 'e']) world.source.write(key, `bytes of ${key}`);
  await world.reconcile();
  await happen(world);
  const { health, status } = await asked(world, []);
  expect(health).toContain(said);
  expect(health).not.toMatch(/secret/);
  expect(status).toMatch(/secret/);
});
