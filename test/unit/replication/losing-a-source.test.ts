import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { compareKeys } from '../../../src/objects/key.ts';
import type { ListPage } from '../../../src/providers/provider.ts';
import { MemoryBucket } from '../../../src/providers/memory/bucket.ts';
import { runPass } from '../../../src/replication/pass.ts';
import { readStatus } from '../../../src/replication/status.ts';
import { Worker } from '../../../src/replication/worker.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import { Place } from '../../support/place.ts';

const calm = new AbortController().signal;
const year = 365 * 86_400_000;
const many = 200;
const settings: WorldOptions = { source: { pageSize: 50, capabilities: { identity: 'disk' } } };
const keyOf = (n: number): string => `photos/${String(n).padStart(4, '0')}`;
const keys = Array.from({ length: many }, (_, n) => keyOf(n));

/** Bytes and versions of what the targets hold of the objects that were there at first. */
type Copies = ReadonlyMap<string, string>;

function copiesIn(world: World): Copies {
  const copies = new Map<string, string>();
  for (const { name, bucket } of world.targets) {
    for (const key of keys) {
      const held = bucket.objects.get(key);
      if (held !== undefined) copies.set(`${name} ${key}`, `${held.version} ${held.bytes.toString('hex')}`);
    }
  }
  return copies;
}

async function filled(options: WorldOptions = {}, count = many): Promise<World> {
  const world = await openWorld({ ...settings, ...options });
  for (const key of keys.slice(0, count)) world.source.write(key, `the bytes of ${key}`);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3 * count });
  return world;
}

/** What a daemon does in the hours to come: it looks, at the source alone and at everything, and works. */
async function live(world: World): Promise<void> {
  for (const full of [false, true, false]) {
    world.clock.advance(3_600_000);
    const options = { full, deep: false, dryRun: false, onProgress: () => undefined };
    await runPass(world.engine, world.policy, options, calm);
    await new Worker(world.engine, { policies: [world.policy], finished: () => true }).run(calm, calm);
  }
  await world.reconcile({ deep: true });
}

/** The process is started again; the source is found where it is now. */
function restart(world: World, options: Partial<typeof settings.source> = {}): Place {
  const place = new Place('source', world.clock, { bucket: world.source.bucket, ...settings.source, ...options });
  world.policy = { ...world.policy, source: place.site };
  return place;
}

function vanish(world: World, share: number): void {
  for (const key of keys.slice(0, Math.round(share * many))) world.source.bucket.objects.delete(key);
}

function encrypt(world: World): void {
  for (const [key, { bytes }] of world.source.bucket.objects) world.source.write(key, randomBytes(bytes.length));
}

function list(world: World, change: (pages: readonly ListPage[]) => readonly ListPage[]): void {
  world.source.listing = async function* (pages) {
    yield* change(await Array.fromAsync(pages));
  };
}

const failing = 'could not be listed to its end';

/** How it is lost, and what a hold says of it; null where nothing is held. */
const ways: Readonly<Record<string, readonly [lose: (world: World) => void | Promise<void>, reason: string | null]>> = {
  emptied: [(world) => world.source.bucket.objects.clear(), `empty where ${many}`],
  'unmounted, the directory missing': [(world) => world.source.failWith('not-found'), failing],
  'unmounted, the directory missing at start': [(world) => restart(world).failWith('not-found'), failing],
  'unmounted, the mount point empty': [
    (world) => void restart(world, { bucket: new MemoryBucket(), capabilities: { identity: 'mount point' } }),
    'mount point instead of',
  ],
  'half a listing, then a failure': [
    (world) => {
      world.source.listing = async function* (pages) {
        yield* (await Array.fromAsync(pages)).slice(0, 2);
        throw world.source.error('unavailable');
      };
    },
    failing,
  ],
  'half a listing that just ends': [
    (world) => {
      // The same half of every range.
      const end = keys[99] ?? '';
      const isBefore = ({ key }: { readonly key: string }): boolean => compareKeys(key, end) <= 0;
      list(world, (pages) => pages.map(({ entries }) => ({ entries: entries.filter(isBefore) })));
    },
    '100 objects vanished',
  ],
  '5 % deleted': [(world) => vanish(world, 0.05), null],
  '60 % deleted': [(world) => vanish(world, 0.6), '60.0 %'],
  'all re-encrypted in place': [encrypt, `${many} were overwritten`],
  'its prefix gone': [
    (world) => {
      world.source.write('elsewhere', 'x');
      vanish(world, 1);
    },
    `empty where ${many}`,
  ],
  'another prefix': [
    (world) => {
      world.source.write('videos/1', 'x');
      world.policy = { ...world.policy, prefix: 'videos/', sourceIdentity: 'memory source videos/' };
    },
    'not the one it was',
  ],
  'its bucket made anew, with other objects': [
    (world) => {
      world.source.bucket.objects.clear();
      for (const key of [...keys.slice(0, 20), 'photos/new/1', 'photos/new/2'])
        world.source.write(key, 'of the new bucket');
    },
    '180 objects vanished and 20 were overwritten',
  ],
  'permission to list lost': [(world) => world.source.failWith('denied'), failing],
  'permission to read lost': [(world) => world.source.failWith('denied', 'read', 'head'), null],
  'the clock a year ahead, then a year behind': [
    async (world) => {
      world.clock.set(year);
      await live(world);
      world.clock.set(-2 * year);
    },
    null,
  ],
  'times in the future': [
    (world) => {
      for (const [key, object] of world.source.bucket.objects) {
        world.source.bucket.objects.set(key, { ...object, modifiedAt: Date.now() + 10 * year });
      }
    },
    null,
  ],
  'pages out of order': [
    (world) => list(world, ([a, b, ...rest]) => [b, a, ...rest].filter((page) => page !== undefined)),
    failing,
  ],
  'keys out of order': [
    (world) => list(world, (pages) => pages.map(({ entries }) => ({ entries: entries.toReversed() }))),
    failing,
  ],
  'the listing repeated': [(world) => list(world, (pages) => [...pages, ...pages]), failing],
  'a page repeated': [(world) => list(world, (pages) => pages.flatMap((page) => [page, page])), failing],
};

describe.each(Object.entries(ways))('a source lost: %s', (_, [lose, reason]) => {
  test('leaves every verified copy as it is, however long it goes on', async () => {
    await using world = await filled({ policy: { prefix: 'photos/' } });
    const before = copiesIn(world);
    await lose(world);
    await live(world);
    expect(copiesIn(world)).toEqual(before);
    expect(await world.problems()).toEqual([]);
    const { hold } = await world.catalog.readPolicy('p');
    if (reason === null) expect(hold).toBeNull();
    else expect(hold?.reasons.join()).toContain(reason);
  });
});

test('what is held says so everywhere, and new objects flow', async () => {
  await using world = await filled();
  vanish(world, 0.6);
  world.source.write('new', 'flows');
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 120, copied: 3 });
  expect(world.target('two').text('new')).toBe('flows');
  const { status, reasons, policies } = await readStatus(world.catalog, [world.policy], [], world.clock.now());
  expect(status).toBe('degraded');
  expect(reasons[0]).toContain('120 objects vanished');
  expect(policies[0]?.hold?.sample).toEqual(keys.slice(0, 10));
});

test('all of a small set changed at once is held too', async () => {
  await using world = await filled({}, 9);
  const before = copiesIn(world);
  encrypt(world);
  await live(world);
  expect(copiesIn(world)).toEqual(before);
  expect((await world.catalog.readPolicy('p')).hold?.reasons).toEqual([expect.stringContaining('everything')]);
});

test('new objects do not make held changes look few', async () => {
  await using world = await filled({}, 20);
  const before = copiesIn(world);
  encrypt(world);
  for (let n = 0; n < 300; n += 1) world.source.write(`z/${n}`, 'new');
  await live(world);
  expect(copiesIn(world)).toEqual(before);
  expect((await world.catalog.readPolicy('p')).hold).toMatchObject({ overwritten: 20, known: 20 });
});

test('what is gone by and by is gone at the source only', async () => {
  await using world = await filled();
  const before = copiesIn(world);
  for (const share of [0.05, 0.1, 0.15]) {
    vanish(world, share);
    await live(world);
  }
  expect(copiesIn(world)).toEqual(before);
  expect(await world.catalog.counts('p')).toMatchObject({ gone: 30, objects: 170, lost: 0 });
});

test('a change made while the clock was ahead is noticed once it is right again', async () => {
  await using world = await filled({}, 3);
  world.clock.set(year);
  world.source.write(keyOf(1), 'changed under the wrong clock');
  await world.reconcile();
  world.clock.set(-year);
  world.source.write(keyOf(1), 'changed under the right clock');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3 });
  expect(world.target('one').text(keyOf(1))).toBe('changed under the right clock');
});

test.each(['out of order', 'repeated'])(
  'a target whose listing is %s is asked again, and none of its copies suffers',
  async (how) => {
    await using world = await filled({ targets: { one: { pageSize: 50 }, two: {}, three: {} } });
    const before = copiesIn(world);
    world.target('one').listing = async function* (pages) {
      const [first, second, ...rest] = await Array.fromAsync(pages);
      if (first === undefined || second === undefined) throw new Error('there are more pages than that');
      yield* how === 'repeated' ? [first, first, second, ...rest] : [second, first, ...rest];
    };
    await live(world);
    expect(copiesIn(world)).toEqual(before);
    expect((await world.reconcile()).reasons).toEqual([expect.stringContaining('not the byte order')]);
    world.target('one').heal();
    expect(await world.reconcile()).toMatchObject({ outcome: 'complete', inPlace: 600 });
    expect(copiesIn(world)).toEqual(before);
  },
);
