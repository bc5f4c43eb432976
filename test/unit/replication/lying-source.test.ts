import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/open.ts';
import { systemClock } from '../../../src/objects/clock.ts';
import { openProvider } from '../../../src/providers/open.ts';
import type { Provider } from '../../../src/providers/provider.ts';
import { ByteBudget } from '../../../src/replication/byte-budget.ts';
import type { Policy } from '../../../src/replication/policy.ts';
import { reconcile } from '../../../src/replication/reconcile.ts';
import { Site } from '../../../src/replication/site.ts';
import { Dial } from '../../../src/replication/dial.ts';
import type { Engine } from '../../../src/replication/worker.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { noMetrics } from '../../../src/telemetry/metrics.ts';
import { openRoom, put } from '../../support/fake-gcs/room.ts';
import { Place } from '../../support/place.ts';
import { TestClock } from '../../support/test-clock.ts';

const calm = new AbortController().signal;
const MiB = 1024 ** 2;

test.each([
  ['a small object', 1000],
  ['an object in parts', 20 * MiB],
])('%s whose bytes do not have the checksum that the source states is not copied', async (_, size) => {
  await using room = await openRoom();
  await put(room.provider, 'k', Buffer.alloc(size, 'x'));
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-source-'));
  await using catalog = await openSqliteCatalog({ path: join(directory, 'catalog.db'), clock: systemClock });
  const target = new Place('one', new TestClock());
  const surroundings = { clock: systemClock, random: Math.random, onRequest: () => undefined };
  const provider = await openProvider(
    'gcp',
    { type: 'gcs', bucket: 'copies', endpoint: room.fake.endpoint },
    surroundings,
  );
  const policy: Policy = {
    name: 'p',
    source: new Site(provider, systemClock),
    sourceIdentity: 'gcs',
    prefix: '',
    includes: () => true,
    targets: [target.site],
    minCopies: 1,
    onCopy: 'attested',
    guard: { maxChanged: 0.1, minObjects: 100 },
    detect: { every: 1000, full: 1000 },
  };
  const budget = new ByteBudget(256 * MiB);
  const shared = { log: silentLog, metrics: noMetrics, clock: systemClock, random: Math.random };
  const throttle = () => (slow: Provider) => slow;
  const engine: Engine = { ...shared, catalog, budget, throttle, concurrency: new Dial(4), owner: 'test' };
  await catalog.syncPolicies([{ name: 'p', source: 'gcp', targets: ['one'], minCopies: 1 }], { forget: true });
  const options = { deep: false, dryRun: false, onProgress: () => undefined };

  room.fake.faults.add({ match: { keyPattern: /^k$/ }, fault: 'flip-bit-read' });
  expect(await reconcile(engine, policy, options, calm)).toMatchObject({ outcome: 'incomplete', failed: 1 });
  expect(await catalog.problems('p', { limit: 9 })).toMatchObject([{ key: 'k', error: { code: 'checksum-mismatch' } }]);
  expect(target.keys()).toEqual([]);

  room.fake.faults.clear();
  expect(await reconcile(engine, policy, options, calm)).toMatchObject({ outcome: 'complete', copied: 1 });
  expect(target.keys()).toEqual(['k']);
  await provider.close();
  await rm(directory, { recursive: true });
});
