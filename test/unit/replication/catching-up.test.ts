import { expect, test } from 'vitest';
import { Worker, type Engine } from '../../../src/replication/worker.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import type { Place } from '../../support/place.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const calm = new AbortController().signal;
const minute = 60_000;

interface Running extends AsyncDisposable {
  readonly world: World;
  readonly clock: VirtualClock;
  /** It is time to renew leases. */
  renew(): void;
}

/** A world with a worker that runs until it is disposed; time passes only when the test lets it. */
async function running(options: WorldOptions = {}): Promise<Running> {
  const timers: (() => void)[] = [];
  const clock = new VirtualClock();
  const { after } = clock;
  const renewing: typeof after = (ms, done) => {
    if (ms !== 20_000) return after(ms, done);
    timers.push(done);
    return () => undefined;
  };
  Object.assign(clock, { after: renewing });
  const world = await openWorld({ concurrency: 64, ...options, clock });
  for (const { site } of world.targets) await site.connect('target', calm);
  const engine: Engine = { ...world.engine, catalog: clock.holding(world.catalog) };
  const stop = new AbortController();
  const worker = new Worker(engine, { policies: [world.policy] }).run(stop.signal, stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await worker;
    await world[Symbol.asyncDispose]();
  };
  return { world, clock, renew: () => timers.at(-1)?.(), [Symbol.asyncDispose]: end };
}

/** Objects that arrive at the source, as a pass finds them. */
async function arrive(world: World, from: number, to: number): Promise<void> {
  const findings = Array.from({ length: to - from }, (_, index) => {
    const key = `k${from + index}`;
    const { version } = world.source.write(key, 'y'.repeat(1000));
    return { kind: 'new' as const, key, object: { version, size: 1000, modifiedAt: 1 }, found: {} };
  });
  await world.catalog.record('p', findings);
}

function down(...places: readonly Place[]): void {
  for (const place of places) {
    place.failWith('unavailable');
    place.health = { state: 'down', lastError: null };
  }
}

function up(...places: readonly Place[]): void {
  for (const place of places) {
    place.heal();
    place.health = { state: 'up', lastError: null };
  }
}

/** No put is answered. @returns how to end it: what was swallowed fails. */
function swallow(place: Place): () => void {
  const over = new AbortController();
  place.before = async ({ operation }, signal) => {
    if (operation !== 'put') return;
    const ended = AbortSignal.any([signal, over.signal]);
    await new Promise((resolve) => ended.addEventListener('abort', resolve));
    throw place.error('unavailable');
  };
  return () => {
    place.heal();
    over.abort();
  };
}

async function untilAllVerified({ world, clock }: Running, objects: number): Promise<void> {
  const isWhole = (place: Place): boolean => place.keys().length === objects;
  for (let round = 0; round < 60 && !world.targets.every(isWhole); round += 1) await clock.run(minute / 2);
  await clock.run(1000);
  await expectAllVerified(world, objects);
}

async function expectAllVerified(world: World, objects: number): Promise<void> {
  for (const place of world.targets) expect([place.name, place.keys().length]).toEqual([place.name, objects]);
  const targets = world.targets.map(({ name }) => name);
  expect(await world.catalog.outstanding('p', { targets })).toEqual({ due: 0, leased: 0, nextDueAt: null });
}

test('after an outage of all targets each object is read once', async () => {
  await using run = await running();
  const { world, clock } = run;
  down(...world.targets);
  await clock.run(1000);
  await arrive(world, 0, 150);
  await clock.run(2 * minute);
  expect(world.source.count('read')).toBe(0);
  up(...world.targets);
  await clock.run(minute);
  await expectAllVerified(world, 150);
  expect(world.source.count('read')).toBe(150);
});

test('targets that come back one after the other read together what all of them lack', async () => {
  await using run = await running({ concurrency: 16 });
  const { world, clock } = run;
  down(...world.targets);
  await clock.run(1000);
  await arrive(world, 0, 150);
  await clock.run(2 * minute);
  // So that the first ones cannot do everything alone before the last one is there.
  for (const place of world.targets) up(place);
  down(world.target('two'), world.target('three'));
  const pace = async (): Promise<void> => await clock.sleep(500);
  world.source.before = pace;
  await clock.run(400);
  up(world.target('two'));
  await clock.run(400);
  up(world.target('three'));
  await clock.run(minute);
  await expectAllVerified(world, 150);
  expect(world.source.count('read')).toBeLessThan(150 * 1.5);
});

test('two that were away while another went on read together', async () => {
  await using run = await running();
  const { world, clock } = run;
  down(world.target('two'), world.target('three'));
  await clock.run(1000);
  await arrive(world, 0, 150);
  await clock.run(2 * minute);
  expect([world.target('one').keys().length, world.source.count('read')]).toEqual([150, 150]);
  world.forget();
  up(world.target('two'), world.target('three'));
  await clock.run(minute);
  await expectAllVerified(world, 150);
  expect(world.source.count('read')).toBe(150);
});

test('of two that catch up together, one that swallows everything is left to itself', async () => {
  await using run = await running();
  const { world, clock } = run;
  const [one, two, three] = world.targets as [Place, Place, Place];
  down(two, three);
  await clock.run(1000);
  await arrive(world, 0, 150);
  await clock.run(2 * minute);
  up(two, three);
  const release = swallow(three);
  await clock.run(minute);
  expect([one.keys().length, two.keys().length, three.keys().length]).toEqual([150, 150, 0]);
  release();
  await untilAllVerified(run, 150);
});

test('a target that swallows everything costs the others its patience once, and catches up when it answers', async () => {
  await using run = await running();
  const { world, clock } = run;
  const [one, two, three] = world.targets as [Place, Place, Place];
  const release = swallow(three);
  await arrive(world, 0, 40);
  // Five seconds and what 256 KiB/s need for a thousand bytes: once, for all objects that were under way.
  await clock.run(7_000);
  expect([one.keys().length, two.keys().length]).toEqual([40, 40]);
  world.forget();
  await arrive(world, 40, 60);
  await clock.run(1_000);
  expect([one.keys().length, two.keys().length, world.source.count('read')]).toEqual([60, 60, 20]);
  expect(three.keys()).toEqual([]);
  release();
  await untilAllVerified(run, 60);
  await clock.run(minute);
  await arrive(world, 60, 70);
  world.forget();
  await clock.run(1_000);
  expect([three.keys().length, world.source.count('read')]).toEqual([70, 10]);
});

test('a memory limit that holds one object is enough for those that travel and those that catch up', async () => {
  await using run = await running({ memory: 1000, concurrency: 16 });
  const { world, clock } = run;
  down(world.target('two'), world.target('three'));
  await clock.run(1000);
  await arrive(world, 0, 10);
  await clock.run(2 * minute);
  up(world.target('two'), world.target('three'));
  await arrive(world, 10, 20);
  await untilAllVerified(run, 20);
});

test('a copy that holds up what another target has come to need is given up, and gone on with later', async () => {
  await using run = await running();
  const { world, clock } = run;
  const one = world.target('one');
  const two = world.target('two');
  down(one);
  await clock.run(1000);
  await arrive(world, 0, 1);
  await clock.run(minute);
  expect(two.keys()).toEqual(['k0']);
  up(one);
  const release = swallow(one);
  for (let second = 0; second < 20 && one.count('put') === 0; second += 1) await clock.run(1000);
  expect(one.count('put')).toBe(1);
  two.bucket.objects.delete('k0');
  const { id } = await world.object('k0');
  await world.catalog.record('p', [{ kind: 'missing', id, target: 'two', asOf: clock.now() + 1 }]);
  await clock.run(1000);
  expect(two.keys()).toEqual([]);
  run.renew();
  for (let second = 0; second < 20 && two.keys().length === 0; second += 1) await clock.run(1000);
  expect([one.keys(), two.keys()]).toEqual([[], ['k0']]);
  release();
  await untilAllVerified(run, 1);
});
