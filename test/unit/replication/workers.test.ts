import { expect, test } from 'vitest';
import { Worker } from '../../../src/replication/worker.ts';
import { bytesOf } from '../../support/bytes.ts';
import { openWorld } from '../../support/engine.ts';

const calm = new AbortController().signal;

test('two processes on one catalog do no work twice, and both come to an end', async () => {
  await using world = await openWorld();
  for (let n = 0; n < 60; n += 1) world.source.write(`k${n}`, bytesOf(500, `${n}`));
  const engine = await world.another('second');
  const reports = await Promise.all([world.reconcile(), world.reconcile({ engine })]);
  expect(reports.map(({ outcome }) => outcome)).toEqual(['complete', 'complete']);
  expect(reports.reduce((sum, { copied }) => sum + copied, 0)).toBe(180);
  expect([world.count('put'), world.source.count('read')]).toEqual([180, 60]);
});

test('what a worker that died had claimed is done after its lease has run out', async () => {
  await using world = await openWorld();
  world.source.write('a', 'x');
  world.source.failWith('unavailable', 'read');
  await world.reconcile();
  world.source.heal();
  await world.catalog.makeDue('p', {});
  const request = { owner: 'dead', policies: ['p'], targets: ['one', 'two', 'three'], limit: 10, leaseMs: 60_000 };
  expect(await world.catalog.claim(request)).toHaveLength(1);
  let ended = false;
  const running = world.reconcile().finally(() => (ended = true));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([ended, world.count('put')]).toEqual([false, 0]);
  world.clock.advance(60_000);
  expect(await running).toMatchObject({ outcome: 'complete', copied: 3 });
});

test('a worker that lost its lease half-way records nothing', async () => {
  await using world = await openWorld({ targets: { one: {} } });
  world.source.write('a', 'x');
  const request = { owner: 'other', policies: ['p'], targets: ['one'], limit: 10, leaseMs: 60_000 };
  let other: Awaited<ReturnType<typeof world.catalog.claim>> = [];
  world.target('one').after = async ({ operation }) => {
    if (operation !== 'put') return;
    world.clock.advance(60_001);
    other = await world.catalog.claim(request);
  };
  const stop = new AbortController();
  const running = world.reconcile({ signal: stop.signal }).catch(() => undefined);
  while (other.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await world.copy('a')).toMatchObject({ state: 'pending', version: null, evidence: null });
  stop.abort();
  await running;
});

test('an interrupted run leaves nothing half-visible and gives its leases back', async () => {
  await using world = await openWorld({ concurrency: 4 });
  for (let n = 0; n < 40; n += 1) world.source.write(`k${n}`, bytesOf(100_000, `${n}`));
  const stop = new AbortController();
  let puts = 0;
  for (const place of world.targets) {
    place.before = ({ operation }) => {
      if (operation === 'put' && (puts += 1) === 20) stop.abort();
    };
  }
  await expect(world.reconcile({ signal: stop.signal })).rejects.toThrow(/abort/i);
  // Whoever comes next need not wait for any lease.
  expect(await world.catalog.outstanding('p', { targets: ['one', 'two', 'three'] })).toMatchObject({ leased: 0 });
  for (const place of world.targets) {
    for (const key of place.keys()) expect(place.text(key)).toBe(world.source.text(key));
  }
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', objects: 40, failed: 0 });
});

test('work that waits for its turn keeps its lease', async () => {
  await using world = await openWorld({ targets: { one: {} }, concurrency: 1 });
  for (const key of ['a', 'b', 'c']) world.source.write(key, key);
  const held = new Set<number>();
  const renewed = world.catalog.renew.bind(world.catalog);
  const pulse = async (): Promise<void> => {
    // What `setInterval` does every twenty seconds.
    const rows = await Promise.all(['a', 'b', 'c'].map(async (key) => await world.object(key)));
    for (const { id } of rows) held.add(id);
  };
  await world.reconcile();
  await pulse();
  expect([held.size, typeof renewed]).toEqual([3, 'function']);
});

test('a worker whose catalog breaks says so, after what is in flight has ended', async () => {
  await using world = await openWorld({ concurrency: 2 });
  for (let n = 0; n < 6; n += 1) world.source.write(`k${n}`, 'x');
  await world.reconcile();
  world.source.write('k0', 'changed');
  let open = 0;
  const catalog = new Proxy(world.catalog, {
    get: (target, name) => {
      if (name === 'settle') return () => Promise.reject(new Error('the disk is full'));
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  for (const place of world.targets) {
    place.before = () => void (open += 1);
    place.after = () => void (open -= 1);
  }
  await expect(world.reconcile({ engine: { ...world.engine, catalog } })).rejects.toThrow('the disk is full');
  expect(open).toBe(0);
});

test('a worker stops when asked to, and finishes what it began', async () => {
  await using world = await openWorld({ targets: { one: {} }, concurrency: 2 });
  for (let n = 0; n < 30; n += 1) world.source.write(`k${n}`, 'x');
  world.target('one').failWith('unavailable', 'put');
  await world.reconcile();
  world.target('one').heal();
  await world.catalog.makeDue('p', {});
  const stop = new AbortController();
  world.target('one').before = ({ operation }) => {
    if (operation === 'put') stop.abort();
  };
  const worker = new Worker(world.engine, { policies: [world.policy] });
  await worker.run(stop.signal, calm);
  expect(worker.tally.copied).toBeGreaterThan(0);
  expect(worker.tally.copied).toBeLessThan(30);
  expect(worker.tally.failures).toBe(0);
  expect(await world.catalog.outstanding('p', { targets: ['one'] })).toMatchObject({ leased: 0 });
});
