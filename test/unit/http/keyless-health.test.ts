import { expect, test } from 'vitest';
import { startServer, type Served } from '../../../src/http/server.ts';
import { drillNow } from '../../../src/replication/drills.ts';
import { readStatus } from '../../../src/replication/status.ts';
import { openWorld } from '../../support/engine.ts';

const calm = new AbortController().signal;

test('health tells anybody of a failed drill and names no key; the API, with the token, does', async () => {
  await using world = await openWorld({ targets: { one: {} } });
  world.source.write('a secret name', 'bytes');
  await world.reconcile();
  world.target('one').flip('a secret name');
  await world.catalog.drills.begin('p', 'one', 0);
  const settings = { sample: 1, bytes: 1000 };
  await drillNow(world.engine, world.policy, world.target('one').site, settings, calm);
  const served: Served = {
    status: async () => await readStatus(world.catalog, [world.policy], [], world.clock.now()),
    ready: async () => {},
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    problems: async () => undefined,
    reconcileSoon: () => undefined,
  };
  const access = { token: 'token', loopback: true };
  await using server = await startServer(served, access, { host: '127.0.0.1', port: 0 });
  const health = await (await fetch(`${server.url}/health`)).text();
  expect(health).toMatch(/the drill at one failed: 1 of 1 objects .*checksum-mismatch/);
  expect(health).not.toMatch(/secret/);
  const headers = { authorization: 'Bearer token' };
  const status = await (await fetch(`${server.url}/api/v1/status`, { headers })).text();
  expect(status).toMatch(/"firstFailure":\{"key":"a secret name"/);
});
