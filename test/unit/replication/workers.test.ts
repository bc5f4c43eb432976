import { expect, test, vi } from 'vitest';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import type { Outstanding } from '../../../src/catalog/claims.ts';
import { systemClock, type Clock } from '../../../src/objects/clock.ts';
import { Worker, type Crew } from '../../../src/replication/worker.ts';
import { bytesOf } from '../../support/bytes.ts';
import { openWorld, type World } from '../../support/engine.ts';

const calm = new AbortController().signal;
const request = { owner: 'other', policies: ['p'], targets: ['one', 'two', 'three'], limit: 10, leaseMs: 60_000 };

/** Objects that the catalog knows and no target has. */
async function withPending(world: World, keys: readonly string[]): Promise<void> {
  for (const key of keys) world.source.write(key, key);
  const object = { size: 1, modifiedAt: 1 };
  await world.catalog.record(
    'p',
    keys.map((key) => ({
      ...{ kind: 'new', key, found: {} },
      object: { ...object, version: world.source.bucket.objects.get(key)?.version ?? '' },
    })),
  );
  for (const { site } of world.targets) await site.connect('target', calm);
}

async function outstanding(world: World): Promise<Outstanding> {
  return await world.catalog.outstanding('p', { targets: world.targets.map(({ name }) => name) });
}

/** The catalog, with one verb replaced; the replacement is given the real one. */
function spied<V extends 'claim' | 'renew' | 'settle'>(
  catalog: Catalog,
  verb: V,
  replacement: (real: Catalog[V], ...args: Parameters<Catalog[V]>) => ReturnType<Catalog[V]>,
): Catalog {
  return new Proxy(catalog, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const bound = value.bind(target) as Catalog[V];
      return name === verb ? (...args: Parameters<Catalog[V]>) => replacement(bound, ...args) : bound;
    },
  });
}

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
  await withPending(world, ['a']);
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
  await withPending(world, ['a']);
  const stop = new AbortController();
  // Claims once, so that it does not take up again itself what it has lost.
  let claims = 0;
  const catalog = spied(world.catalog, 'claim', async (claim, ...args) =>
    (claims += 1) > 1 ? [] : await claim(...args),
  );
  world.target('one').after = async ({ operation }) => {
    if (operation !== 'put') return;
    world.clock.advance(60_001);
    expect(await world.catalog.claim({ ...request, targets: ['one'] })).toHaveLength(1);
    stop.abort();
  };
  await new Worker({ ...world.engine, catalog }, { policies: [world.policy] }).run(stop.signal, calm);
  expect(world.target('one').text('a')).toBe('a');
  expect(await world.copy('a')).toMatchObject({ state: 'pending', version: null, evidence: null });
});

test('a worker beside which another one breaks gives up what it has under way, and ends by that error', async () => {
  await using world = await openWorld({ targets: { one: {} } });
  await withPending(world, ['a']);
  const underWay = Promise.withResolvers<void>();
  // A target that never answers.
  world.target('one').before = async ({ operation }, signal) => {
    if (operation !== 'put') return;
    underWay.resolve();
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))));
  };
  const crew = {
    ...{ size: 2, watch: () => ({ [Symbol.dispose]: () => undefined }) },
    assist: async () => {
      await underWay.promise;
      throw new Error('the other one broke');
    },
  } as unknown as Crew;
  const worker = new Worker({ ...world.engine, crew }, { policies: [world.policy] });
  await expect(worker.run(calm, calm)).rejects.toThrow('the other one broke');
});

test('a lease that was lost while memory was waited for ends that object’s work, and no other', async () => {
  await using world = await openWorld({ targets: { one: {} }, memory: 10 });
  await withPending(world, ['a', 'b']);
  const giveBack = await world.engine.budget.reserve(10, calm);
  const catalog = spied(world.catalog, 'renew', async (_, claims) =>
    claims.map(({ objectId }) => objectId).slice(0, 1),
  );
  const stop = new AbortController();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const running = new Worker({ ...world.engine, catalog }, { policies: [world.policy] }).run(stop.signal, calm);
    await vi.waitFor(async () => expect(await outstanding(world)).toMatchObject({ leased: 2 }));
    await vi.advanceTimersByTimeAsync(20_000);
    giveBack();
    await vi.waitFor(() => expect(world.target('one').keys()).toEqual(['a', 'b']));
    stop.abort();
    await running;
  } finally {
    vi.useRealTimers();
  }
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
  await withPending(world, ['a', 'b', 'c']);
  const renewed: number[] = [];
  const catalog = spied(world.catalog, 'renew', async (renew, ...args) => {
    renewed.push(args[0].length);
    return await renew(...args);
  });
  const { promise: blocked, resolve: unblock } = Promise.withResolvers<void>();
  world.target('one').before = async ({ operation }) => (operation === 'put' ? await blocked : undefined);
  const stop = new AbortController();
  const timers: (() => void)[] = [];
  const clock: Clock = {
    now: () => world.clock.now(),
    sleep: async (ms, signal) => await world.clock.sleep(ms, signal),
    after: (ms, run) => {
      if (ms !== 20_000) return systemClock.after(ms, run);
      timers.push(run);
      return () => undefined;
    },
  };
  const running = new Worker({ ...world.engine, catalog, clock }, { policies: [world.policy] }).run(stop.signal, calm);
  await vi.waitFor(async () => expect(await outstanding(world)).toMatchObject({ leased: 2 }));
  timers.shift()?.();
  await vi.waitFor(() => expect(renewed).toEqual([2]));
  unblock();
  stop.abort();
  await running;
});

test('a worker whose catalog breaks says so, after what is in flight has ended', async () => {
  await using world = await openWorld({ concurrency: 2 });
  for (let n = 0; n < 6; n += 1) world.source.write(`k${n}`, bytesOf(300_000, `${n}`));
  const catalog = spied(world.catalog, 'settle', () => Promise.reject(new Error('the disk is full')));
  await expect(world.reconcile({ engine: { ...world.engine, catalog } })).rejects.toThrow('the disk is full');
  const calls = world.count();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(world.count()).toBe(calls);
});

test('when a worker breaks those who assist it give up at once', async () => {
  await using world = await openWorld();
  await withPending(world, ['a']);
  const catalog = spied(world.catalog, 'claim', () => Promise.reject(new Error('the disk is full')));
  const assist: Crew['assist'] = async (_worker, _stop, abort) =>
    await new Promise((resolve) => abort.addEventListener('abort', () => resolve(), { once: true }));
  const worker = new Worker({ ...world.engine, catalog, crew: { assist } }, { policies: [world.policy] });
  await expect(worker.run(calm, calm)).rejects.toThrow('the disk is full');
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
