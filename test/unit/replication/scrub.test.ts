import { expect, test, vi } from 'vitest';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import { CatalogError } from '../../../src/catalog/errors.ts';
import type { ScrubSettings } from '../../../src/replication/policy.ts';
import { Scrub } from '../../../src/replication/scrub.ts';
import { many } from '../../../src/replication/scrub-unreadable.ts';
import type { Engine } from '../../../src/replication/worker.ts';
import { printedSeed } from '../../support/seed.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import { seededRandom } from '../../support/random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const hour = 3_600_000;
const day = 24 * hour;
const KiB = 1024;

interface Read {
  readonly at: number;
  readonly target: string;
  readonly key: string;
  readonly bytes: number;
}

/** A policy on a virtual clock, every read of a copy written down, and a scrub that can be stopped and begun anew. */
class Month implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly world: World;
  readonly settings: ScrubSettings;
  readonly reads: Read[] = [];
  readonly start: number;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  private constructor(clock: VirtualClock, world: World, settings: ScrubSettings) {
    this.clock = clock;
    this.world = world;
    this.settings = settings;
    this.start = clock.now();
    const { reads } = this;
    for (const target of world.targets) {
      target.body = async function* body(chunks, key) {
        for await (const chunk of chunks) {
          reads.push({ at: clock.now(), target: target.name, key, bytes: chunk.length });
          yield chunk;
        }
      };
    }
  }

  static async of(
    sizes: readonly number[],
    settings: ScrubSettings,
    targets: WorldOptions['targets'] = { one: {}, two: {}, three: {} },
  ): Promise<Month> {
    const clock = new VirtualClock();
    const world = await openWorld({ clock, targets });
    for (const [index, size] of sizes.entries()) world.source.write(`object ${index}`, Buffer.alloc(size, index));
    await clock.until(world.reconcile());
    world.forget();
    return new Month(clock, world, settings);
  }

  get catalog(): Catalog {
    return this.world.catalog;
  }

  begin(owner = 'first'): void {
    const engine: Engine = {
      ...this.world.engine,
      owner,
      clock: this.clock,
      catalog: this.clock.holding(this.catalog),
    };
    this.#stop = new AbortController();
    this.#running = new Scrub(engine, this.world.policy, this.settings).run(this.#stop.signal);
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async runDays(days: number, nowAndThen: () => Promise<void> = async () => undefined): Promise<void> {
    for (let hours = 0; hours < days * 24; hours += 6) {
      await this.clock.run(6 * hour);
      await nowAndThen();
    }
  }

  /** The age of the oldest evidence of a verified copy, in days. */
  async oldest(): Promise<number> {
    const { byTarget } = await this.catalog.counts('p');
    const times = Object.values(byTarget).flatMap(({ oldestEvidenceAt: { attested, read } }) => [attested, read]);
    return (this.clock.now() - Math.min(...times.map((at) => at ?? Infinity))) / day;
  }

  /** The most bytes read in any stretch of time of this length. */
  mostWithin(ms: number): number {
    let [most, sum, first] = [0, 0, 0];
    for (const { at, bytes } of this.reads) {
      sum += bytes;
      for (let oldest = this.reads[first]; oldest !== undefined && oldest.at <= at - ms; oldest = this.reads[first]) {
        sum -= oldest.bytes;
        first += 1;
      }
      most = Math.max(most, sum);
    }
    return most;
  }

  total(target?: string): number {
    return this.reads.reduce((sum, read) => sum + (target === undefined || read.target === target ? read.bytes : 0), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await this.world[Symbol.asyncDispose]();
  }
}

function randomSizes(count: number): number[] {
  const random = seededRandom(printedSeed('scrub'));
  return Array.from({ length: count }, () => Math.floor(random() ** 4 * 64 * KiB));
}

test(
  'a month: every copy is read within the time promised, evenly, within the budget; an outage and a restart in between',
  { timeout: 240_000 },
  async () => {
    const sizes = randomSizes(120);
    const bytes = 3 * sizes.reduce((sum, size) => sum + size, 0);
    const needed = bytes / (0.9 * 30 * day);
    const settings = {
      every: 30 * day,
      bandwidth: needed * 1000 * 40,
      perDay: Math.ceil(needed * day * 1.5) + 64 * KiB,
    };
    await using month = await Month.of(sizes, settings);
    const { world } = month;
    const ages: number[] = [];
    const watch = async (): Promise<void> => void ages.push(await month.oldest());
    month.begin();
    await month.runDays(5, watch);
    const down = { state: 'down', lastError: null } as const;
    world.target('two').health = down;
    const before = month.total('two');
    await month.runDays(2, watch);
    expect(month.total('two')).toBe(before);
    world.target('two').health = { state: 'up', lastError: null };
    await month.runDays(5, watch);
    await month.end();
    month.begin('after a restart');
    await month.runDays(38, watch);
    expect(Math.max(...ages)).toBeLessThan(30);
    expect(month.mostWithin(day)).toBeLessThanOrEqual(settings.perDay);
    expect(month.mostWithin(60_000)).toBeLessThanOrEqual((settings.bandwidth / 1000) * 60_000 + 64 * KiB);
    // 50 days at the pace of 27: nothing is read more often than that.
    expect(month.total() / bytes).toBeGreaterThan(1.7);
    expect(month.total() / bytes).toBeLessThan(2.1);
    expect(world.count('put', 'delete')).toBe(0);
  },
);

test('damage is found within the time promised and left to the worker; the scrub itself writes nothing', async () => {
  await using month = await Month.of(Array<number>(40).fill(100), { every: 10 * day });
  const { world, catalog } = month;
  month.begin();
  await month.runDays(3);
  world.target('one').flip('object 3');
  world.target('two').bucket.objects.delete('object 4');
  const cut = world.target('three').bucket.objects.get('object 5');
  if (cut !== undefined) world.target('three').bucket.objects.set('object 5', { ...cut, bytes: cut.bytes.subarray(1) });
  await month.runDays(9.5);
  const found = (await world.problems()).map(({ key, target, state, error }) => [key, target, state, error?.code]);
  expect(found).toEqual([
    ['object 3', 'one', 'damaged', 'checksum-mismatch'],
    ['object 4', 'two', 'damaged', 'not-found'],
    ['object 5', 'three', 'damaged', 'checksum-mismatch'],
  ]);
  expect(world.count('put', 'delete')).toBe(0);
  expect(await catalog.counts('p')).toMatchObject({ copies: { verified: 117, damaged: 3 } });
});

test('a copy that cannot be read is not damaged, and holds up none of the others', async () => {
  await using month = await Month.of(Array<number>(20).fill(100), { every: 10 * day });
  const { world } = month;
  const one = world.target('one');
  one.before = ({ operation, key }) => {
    if (operation === 'read' && key === 'object 3') throw one.error('denied', key);
  };
  month.begin();
  await month.runDays(10.5);
  expect(await world.problems()).toEqual([]);
  expect(await world.copy('object 3')).toMatchObject({ state: 'verified', evidence: { method: 'attested' } });
  expect(await world.copy('object 4')).toMatchObject({ evidence: { method: 'read' } });
  one.heal();
  await month.runDays(2);
  expect(await world.copy('object 3')).toMatchObject({ evidence: { method: 'read' } });
});

test('nor do very many of them: the target is left alone for a while, and then the others get their turn', async () => {
  await using month = await Month.of(Array<number>(120).fill(100), { every: 10 * day });
  const { world } = month;
  const one = world.target('one');
  const denied = new Set(Array.from({ length: 80 }, (_, index) => `object ${index}`));
  one.before = ({ operation, key }) => {
    if (operation === 'read' && key !== undefined && denied.has(key)) throw one.error('denied', key);
  };
  month.begin();
  await month.runDays(10.5);
  const { objects } = await world.catalog.counts('p');
  expect(objects).toBe(120);
  expect(new Set(month.reads.filter(({ target }) => target === 'one').map(readOf)).size).toBe(40);
  expect(await world.problems()).toEqual([]);
});

test('however many they are: memory does not grow with them, and each of the others gets its turn again and again', async () => {
  await using month = await Month.of(Array<number>(200).fill(100), { every: day }, { one: {} });
  const { world, catalog } = month;
  const one = world.target('one');
  const denied = new Set(
    [...Array(200).keys()].filter((index) => index < 80 || index > 99).map((index) => `object ${index}`),
  );
  const tried = new Map<string, number>();
  one.before = ({ operation, key = '' }) => {
    if (operation !== 'read' || !denied.has(key)) return;
    tried.set(key, (tried.get(key) ?? 0) + 1);
    throw one.error('denied', key);
  };
  const oldest = vi.spyOn(catalog, 'oldestEvidence');
  month.begin();
  await month.runDays(3);
  const reads = Map.groupBy(month.reads, ({ key }) => key);
  expect(reads.size).toBe(20);
  expect(Math.min(...[...reads.values()].map(({ length }) => length))).toBeGreaterThan(1);
  expect(tried.size).toBe(180);
  expect(Math.min(...tried.values())).toBeGreaterThan(1);
  expect(Math.max(...oldest.mock.calls.map(([, { limit }]) => limit))).toBeLessThan(64 + 4 + many + 1);
  expect(await world.problems()).toEqual([]);
});

test('one read that comes out wrong is read once more before it counts', async () => {
  await using month = await Month.of([100], { every: 5 * day });
  const { world } = month;
  let flips = 1;
  const one = world.target('one');
  one.body = async function* body(chunks) {
    for await (const chunk of chunks) yield flips-- > 0 ? Buffer.alloc(chunk.length, 7) : chunk;
  };
  month.begin();
  await month.runDays(5);
  expect(flips).toBeLessThan(0);
  expect(await world.problems()).toEqual([]);
});

test('what somebody works on is passed over; of two processes only one scrubs', async () => {
  await using month = await Month.of(Array<number>(10).fill(100), { every: 10 * day });
  const { world, catalog } = month;
  month.begin();
  const engine: Engine = { ...world.engine, owner: 'second', catalog: month.clock.holding(catalog) };
  const stop = new AbortController();
  const second = new Scrub(engine, world.policy, month.settings).run(stop.signal);
  const { id } = await world.object('object 3');
  await catalog.record('p', [{ kind: 'missing', id, target: 'two', asOf: month.clock.now() + 1 }]);
  const owner = { owner: 'a worker', policies: ['p'], targets: ['two'], limit: 1 };
  const claims = await catalog.claim({ ...owner, leaseMs: day });
  for (let half = 0; half < 17; half += 1) {
    await month.runDays(0.5);
    expect(await catalog.renew(claims, day)).toEqual([]);
  }
  expect(claims).toHaveLength(1);
  expect(new Set(month.reads.map(readOf)).size).toBe(27);
  expect(month.reads.length).toBeLessThan(30);
  expect(await world.copy('object 3')).toMatchObject({ evidence: { method: 'attested' } });
  stop.abort();
  await second;
});

test('an object larger than the budget of a day is read over several days', async () => {
  const size = 250 * KiB;
  await using month = await Month.of([size], { every: 12 * day, perDay: 100 * KiB });
  month.begin();
  await month.runDays(12);
  expect(await month.oldest()).toBeLessThan(12);
  expect(month.total()).toBeGreaterThanOrEqual(3 * size);
  // One piece is read ahead, and one is not divided.
  expect(month.mostWithin(day)).toBeLessThanOrEqual(100 * KiB + 2 * 64 * KiB);
});

test.each([
  ['forward', 365],
  ['back', -365],
])('a clock that is set %s by a year stops nothing', async (_, days) => {
  await using month = await Month.of(Array<number>(10).fill(100), { every: 10 * day });
  month.begin();
  await month.runDays(3);
  month.clock.jump(days * day);
  await month.runDays(10);
  expect(new Set(month.reads.filter(({ at }) => at > month.clock.now() - 10 * day).map(readOf)).size).toBe(30);
});

test('a scrub that ends gives its turn back, and takes it from nobody', async () => {
  await using month = await Month.of([100], { every: 10 * day });
  const { world, catalog, settings } = month;
  month.begin();
  await month.runDays(1);
  const stop = new AbortController();
  const engine: Engine = { ...world.engine, owner: 'second', catalog: month.clock.holding(catalog) };
  const second = new Scrub(engine, world.policy, settings).run(stop.signal);
  await month.runDays(1);
  stop.abort();
  await second;
  expect(await catalog.takeScrubTurn('p', 'third', hour)).toBe(false);
  await month.end();
  expect(await catalog.takeScrubTurn('p', 'third', hour)).toBe(true);
});

test('damage that was repaired while the scrub still looked at it is not found again, though one name serves for both', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {} } });
  const one = world.target('one');
  const write = one.bucket.write.bind(one.bucket);
  // As an unversioned S3 bucket: the version is an ETag, and the same bytes have the same.
  one.bucket.write = (key, object) => {
    const stored = { ...write(key, object), version: `etag-${object.bytes.length}` };
    one.bucket.objects.set(key, stored);
    return stored;
  };
  world.source.write('a', 'bytes of a');
  await world.reconcile();
  one.flip('a');
  world.clock.advance(90 * day);
  const stop = new AbortController();
  const found: unknown[] = [];
  const record: Catalog['record'] = async (policy, findings) => {
    if (!findings.some(({ kind }) => kind === 'wrong')) return await world.catalog.record(policy, findings);
    // Somebody else finds the same, and the repair is done before this one comes to say so.
    await world.reconcile({ deep: true });
    expect(await world.copy('a')).toMatchObject({ state: 'verified', version: 'etag-10' });
    const result = await world.catalog.record(policy, findings);
    found.push(result);
    stop.abort();
    return result;
  };
  const catalog = new Proxy(world.catalog, {
    get: (real, name) => {
      if (name === 'record') return record;
      const value: unknown = Reflect.get(real, name);
      return typeof value === 'function' ? (value.bind(real) as unknown) : value;
    },
  });
  await new Scrub({ ...world.engine, catalog }, world.policy, { every: 30 * day }).run(stop.signal);
  expect(found).toEqual([{ applied: 0 }]);
  expect(one.text('a')).toBe('bytes of a');
  expect(await world.copy('a')).toMatchObject({ state: 'verified' });
});

function readOf({ target, key }: Read): string {
  return `${target} ${key}`;
}

test('a catalog that fails ends the scrub with its own error, although it fails once more when what was read is noted', async () => {
  await using world = await openWorld({ targets: { one: {} } });
  world.source.write('a', 'a');
  await world.reconcile();
  const failing = (): Promise<never> => Promise.reject(new CatalogError('full', 'the disk is full'));
  const catalog = new Proxy(world.catalog, {
    get: (target, name): unknown => {
      if (name === 'record' || name === 'noteScrubbed') return failing;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const scrub = new Scrub({ ...world.engine, catalog }, world.policy, { every: 1 });
  await expect(scrub.run(new AbortController().signal)).rejects.toBeInstanceOf(CatalogError);
});
