import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Daemon, type DaemonParts } from '../../../src/daemon.ts';
import { openWorld, type World } from '../../support/engine.ts';
import type { Place } from '../../support/place.ts';

function partsOf(world: World, noteProviders = async (): Promise<void> => {}): DaemonParts {
  return { engine: world.engine, policies: [world.policy], noteProviders };
}

/** Every such call hangs until it is aborted. */
function hang(place: Place, wanted: 'put' | 'list'): Promise<void> {
  const { promise: hanging, resolve } = Promise.withResolvers<void>();
  place.before = async ({ operation, key }, signal) => {
    if (operation !== wanted) return;
    resolve();
    await new Promise<void>((wake) => signal.addEventListener('abort', () => wake(), { once: true }));
    throw place.error('aborted', key);
  };
  return hanging;
}

test('it copies what comes, is woken when asked, and finishes what is in flight when drained', async () => {
  await using world = await openWorld({ policy: { detect: { every: 3_600_000, full: 3_600_000 } } });
  const daemon = new Daemon(partsOf(world));
  const running = daemon.run();
  world.source.write('a', 'x');
  expect(daemon.reconcileSoon([world.policy])).toEqual(['p']);
  await vi.waitFor(() => expect(world.targets.map((place) => place.text('a'))).toEqual(['x', 'x', 'x']), 10_000);
  daemon.drain(60_000);
  await running;
  expect(await world.copy('a')).toMatchObject({ state: 'verified' });
});

test('a listing under way is not waited for when draining, and holds nothing', async () => {
  await using world = await openWorld();
  world.source.write('a', 'x');
  await world.reconcile();
  const hanging = hang(world.source, 'list');
  const daemon = new Daemon(partsOf(world));
  const running = daemon.run();
  await hanging;
  daemon.drain(3_600_000);
  await running;
  expect(await world.catalog.readPolicy('p')).toMatchObject({ hold: null });
});

test('what hangs longer than a drain may take is given up, also what waits for memory, without an error', async () => {
  await using world = await openWorld({ memory: 10, targets: { one: {} } });
  for (const key of ['a', 'b']) world.source.write(key, 'ten bytes.');
  const hanging = hang(world.target('one'), 'put');
  const daemon = new Daemon(partsOf(world));
  const running = daemon.run();
  await hanging;
  daemon.drain(20);
  await running;
  expect(await world.catalog.outstanding('p', { targets: ['one'] })).toMatchObject({ due: 2, leased: 0 });
  world.target('one').heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 2 });
});

test('what can no more be recorded at the end of a drain is given up as well', async () => {
  await using world = await openWorld();
  const noted = Promise.withResolvers<void>();
  let draining = false;
  const daemon = new Daemon(
    partsOf(world, async () => {
      noted.resolve();
      if (!draining) return;
      // As `Outlasting` does while the disk is full.
      const { givenUp } = daemon;
      const { promise, resolve } = Promise.withResolvers<void>();
      if (givenUp.aborted) resolve();
      else givenUp.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      throw new Error('the disk is full');
    }),
  );
  const running = daemon.run();
  await noted.promise;
  draining = true;
  daemon.drain(20);
  await expect(running).rejects.toThrow('the disk is full');
});

test('what ends one loop ends all, and is the daemon’s own error', async () => {
  await using world = await openWorld();
  let notes = 0;
  const noteProviders = async (): Promise<void> => {
    if ((notes += 1) === 3) throw new Error('the disk is full');
  };
  await expect(new Daemon(partsOf(world, noteProviders)).run()).rejects.toThrow('the disk is full');
});

test('a clock that was ahead and is right again does not keep it from looking at the targets', async () => {
  await using world = await openWorld({ targets: { one: {} }, policy: { minCopies: 1 } });
  const years = 10 * 365 * 86_400_000;
  world.source.write('a', 'x');
  world.clock.set(years);
  const daemon = new Daemon(partsOf(world));
  const running = daemon.run();
  await vi.waitFor(async () => expect((await world.catalog.readPolicy('p')).lastPass).not.toBe(null), 10_000);
  await vi.waitFor(() => expect(world.target('one').text('a')).toBe('x'), 10_000);
  world.clock.set(-years);
  world.target('one').bucket.objects.delete('a');
  await vi.waitFor(() => expect(world.target('one').text('a')).toBe('x'), 10_000);
  daemon.drain(60_000);
  await running;
});

test('a target that was away is reached later and caught up with', async () => {
  await using world = await openWorld();
  world.source.write('a', 'x');
  world.target('two').failWith('unavailable');
  const daemon = new Daemon(partsOf(world));
  const running = daemon.run();
  await vi.waitFor(() => expect(world.target('three').text('a')).toBe('x'), 10_000);
  world.target('two').heal();
  world.clock.advance(60_000);
  await vi.waitFor(() => expect(world.target('two').text('a')).toBe('x'), 10_000);
  daemon.drain(60_000);
  await running;
});

const losses: Readonly<Record<string, (world: World, older: string) => Promise<void>>> = {
  lost: async (world) => await world.loseCatalog(),
  'replaced by an older one': async (world, older) => {
    await world.backTo(older);
    world.clock.advance(world.policy.detect.full + 1000);
  },
};

test.each(Object.keys(losses))(
  'where the first look broke off after the catalog was %s, the next one asks the targets too: the guard sees what changed',
  async (how) => {
    await using world = await openWorld({ targets: { one: {} }, policy: { minCopies: 1 } });
    world.source.write('a', 'known to the older one');
    await world.reconcile();
    const older = join(world.directory, 'older.db');
    await world.catalog.copyTo(older);
    const keys = Array.from({ length: 120 }, (_, index) => `k${index}`);
    for (const key of keys) world.source.write(key, `bytes of ${key}`);
    await world.reconcile();
    await losses[how]?.(world, older);
    for (const key of keys) world.source.write(key, `BYTES OF ${key}`);
    let looks = 0;
    world.source.listing = (pages) => {
      if ((looks += 1) === 1) throw world.source.error('unavailable');
      return pages;
    };
    const daemon = new Daemon(partsOf(world));
    const running = daemon.run();
    await vi.waitFor(async () => expect((await world.catalog.readPolicy('p')).hold).not.toBe(null), 10_000);
    daemon.drain(60_000);
    await running;
    expect(keys.filter((key) => world.target('one').text(key) !== `bytes of ${key}`)).toEqual([]);
  },
);
