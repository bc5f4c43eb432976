import { expect, test } from 'vitest';
import type { KeptVersion } from '../../../src/catalog/kept.ts';
import { compareKeys, keyFromBytes, type Key } from '../../../src/objects/key.ts';
import type { Call } from '../../../src/providers/intercept.ts';
import { copyObject } from '../../../src/replication/copy.ts';
import { historyPrefix, withKey, withoutKey } from '../../../src/replication/kept-name.ts';
import { keptCandidate, readKept } from '../../../src/replication/read-kept.ts';
import { memoryCapabilities } from '../../../src/providers/memory/memory.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { bytesOf } from '../../support/bytes.ts';
import { digestOf } from '../../support/digest.ts';
import { expireKept } from '../../../src/replication/expiry.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';

const KiB = 1024;
const day = 24 * 3_600_000;
const history = 30 * day;
const calm = new AbortController().signal;
const guard = { maxChanged: 1, minObjects: 1 };

async function openKeeping({ policy, ...options }: WorldOptions = {}): Promise<World> {
  return await openWorld({ targets: { one: {} }, ...options, policy: { history, guard, minCopies: 1, ...policy } });
}

/** A world whose `a` was copied as `first`, and is `second` at the source now. */
async function openChanged(options: WorldOptions = {}): Promise<World> {
  const world = await openKeeping(options);
  await change(world, 'first');
  world.source.write('a', 'second');
  return world;
}

async function change(world: World, text: string, key = 'a'): Promise<void> {
  world.source.write(key, text);
  await world.reconcile();
}

const kept = async (world: World, key = 'a'): Promise<readonly KeptVersion[]> => await world.catalog.keptOf('p', key);

/** Keys at the target below the history's prefix. */
const stored = (world: World, target = 'one'): Key[] =>
  world
    .target(target)
    .keys()
    .filter((key) => key.startsWith(historyPrefix));

async function read(world: World, version: KeptVersion): Promise<string> {
  const chunks: Uint8Array[] = [];
  const { provider } = world.target(version.target).site;
  for await (const chunk of readKept(version, provider, calm)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

async function texts(world: World, key = 'a'): Promise<string[]> {
  return await Promise.all((await kept(world, key)).map(async (version) => await read(world, version)));
}

/** Passes until nothing is due any more. */
async function settle(world: World): Promise<void> {
  for (let pass = 0; pass < 6; pass += 1) await world.reconcile();
}

const isKept = ({ key = '' }: Call): boolean => key.startsWith(historyPrefix);

test('what an overwrite replaces can be read back', async () => {
  await using world = await openChanged();
  await world.reconcile();
  expect(world.target('one').text('a')).toBe('second');
  expect(await texts(world)).toEqual(['first']);
  expect(await world.events('a')).toContain('kept');
  const [version] = await kept(world);
  expect(version).toMatchObject({ target: 'one', size: 5, evidence: { method: 'attested' } });
  expect((version?.expiresAt ?? 0) - (version?.replacedAt ?? 0)).toBeCloseTo(history, -2);
});

test('a kept copy tells itself whose it is, with the attributes of what was replaced', async () => {
  await using world = await openKeeping();
  const key = keyFromBytes(Buffer.from([0x66, 0xff, 0x25, 0x2f, 0xc3, 0xa4]));
  const attributes = { contentType: 'text/plain', metadata: { owner: 'ana' } };
  world.source.bucket.write(key, { ...world.source.write(key, 'first'), attributes });
  await world.reconcile();
  await change(world, 'second', key);
  const [name = ''] = stored(world);
  const head = await world.target('one').site.provider.head(name, calm);
  const { replacedAt = 0, ...says } = withoutKey(head.attributes);
  expect(says).toEqual({ key, attributes });
  expect(replacedAt).toBeGreaterThanOrEqual(Math.floor(head.record?.sourceModifiedAt ?? Infinity));
  expect(replacedAt).toBeLessThanOrEqual(world.clock.now());
  expect(head.record?.sha256).toBe((await kept(world, key))[0]?.sha256);
  expect((await kept(world, key))[0]?.attributes).toEqual(attributes);
});

test.each(['plain', 'a%41b', 'ä/😀', '~!*() ', 'k'.repeat(1024)])('the key %j comes back from a kept copy', (key) => {
  expect(withoutKey(withKey({ metadata: { x: 'y' } }, key, 86_400_000))).toEqual({
    ...{ key, attributes: { metadata: { x: 'y' } }, replacedAt: 86_400_000 },
  });
  expect(withoutKey({ metadata: { holdfastreplaced: 'long ago' } })).toMatchObject({ replacedAt: undefined });
});

test('without history nothing is kept, and nothing more is asked', async () => {
  await using world = await openWorld({ targets: { one: {} }, policy: { guard, minCopies: 1 } });
  await change(world, 'first');
  world.forget();
  await change(world, 'second');
  expect(await kept(world)).toEqual([]);
  expect(world.target('one').count('head', 'read')).toBe(0);
  expect(world.target('one').keys()).toEqual(['a']);
});

test('every target keeps its own, from one read of the source', async () => {
  await using world = await openChanged({ targets: { one: {}, two: {}, three: {} } });
  world.forget();
  await world.reconcile();
  expect(await texts(world)).toEqual(['first', 'first', 'first']);
  expect(world.source.bytesRead).toBe('second'.length);
  for (const { name } of world.targets) expect(stored(world, name)).toHaveLength(1);
});

test('each of several overwrites is kept, newest first', async () => {
  await using world = await openKeeping();
  for (const text of ['one', 'two', 'three', 'four']) {
    await change(world, text);
    world.clock.advance(day);
  }
  expect(await texts(world)).toEqual(['three', 'two', 'one']);
});

test('two overwrites before the first was copied keep what stood there', async () => {
  await using world = await openChanged();
  world.target('one').failWith('unavailable', 'put');
  await world.reconcile();
  world.source.write('a', 'third');
  await world.reconcile();
  world.target('one').heal();
  world.clock.advance(day);
  await settle(world);
  expect(world.target('one').text('a')).toBe('third');
  expect(await texts(world)).toEqual(['first']);
});

test('a version that was written while the source moved on is kept before the next replaces it', async () => {
  await using world = await openChanged();
  const place = world.target('one');
  let moved = false;
  place.after = async ({ operation, key }) => {
    if (operation !== 'put' || key !== 'a' || moved) return;
    moved = true;
    world.source.write('a', 'third');
    const { id } = await world.object('a');
    const object = { version: world.source.bucket.objects.get('a')?.version ?? '', size: 5, modifiedAt: 1 };
    const asOf = world.clock.now();
    await world.catalog.record('p', [{ kind: 'overwritten', id, object, asOf }]);
    await world.catalog.decideObserved('p', 'apply');
  };
  await world.reconcile();
  await settle(world);
  expect(moved).toBe(true);
  expect(place.text('a')).toBe('third');
  expect((await texts(world)).toSorted(compareKeys)).toEqual(['first', 'second']);
});

test.each(['head', 'read', 'put'] as const)('while keeping fails (%s), nothing is overwritten', async (operation) => {
  await using world = await openChanged();
  const place = world.target('one');
  place.before = (call) => {
    const meant = operation === 'put' ? isKept(call) : call.key === 'a';
    if (call.operation === operation && meant) throw place.error('unavailable', call.key);
  };
  await settle(world);
  expect(place.text('a')).toBe('first');
  expect(await world.copy('a')).toMatchObject({ state: 'pending', error: { code: 'unavailable' } });
  expect((await world.copy('a')).error?.message).toMatch(/a at one is not overwritten.*could not be kept/);
  place.heal();
  world.clock.advance(day);
  await settle(world);
  expect(place.text('a')).toBe('second');
  expect(await texts(world)).toEqual(['first']);
});

test('a kept copy that the target does not hold as sent does not let anything be overwritten', async () => {
  await using world = await openChanged({ policy: { onCopy: 'read' } });
  const place = world.target('one');
  place.after = (call) => {
    if (call.operation === 'put' && isKept(call)) place.flip(call.key ?? '');
  };
  await settle(world);
  expect(place.text('a')).toBe('first');
  expect(await kept(world)).toEqual([]);
  expect(await world.copy('a')).toMatchObject({ state: 'pending', version: place.bucket.objects.get('a')?.version });
  place.heal();
  world.clock.advance(day);
  await settle(world);
  expect(place.text('a')).toBe('second');
  expect(await texts(world)).toEqual(['first']);
});

test('what rotted where it stands is no history, and is overwritten', async () => {
  await using world = await openChanged();
  world.target('one').flip('a');
  await settle(world);
  expect(world.target('one').text('a')).toBe('second');
  expect(await kept(world)).toEqual([]);
  expect(stored(world)).toEqual([]);
  expect((await world.events('a')).filter((event) => event === 'not-kept')).toHaveLength(1);
});

test('a read that is wrong once is no rot', async () => {
  await using world = await openChanged();
  const place = world.target('one');
  let wrong = 1;
  place.body = async function* (chunks) {
    for await (const chunk of chunks) yield wrong-- > 0 ? Buffer.from(chunk).fill(0) : chunk;
  };
  await world.reconcile();
  expect(place.text('a')).toBe('first');
  world.clock.advance(day);
  await settle(world);
  expect(await texts(world)).toEqual(['first']);
});

test('what somebody else put there is no history', async () => {
  await using world = await openChanged();
  world.target('one').write('a', 'foreign');
  await settle(world);
  expect(world.target('one').text('a')).toBe('second');
  expect(await kept(world)).toEqual([]);
  expect(await world.events('a')).toContain('not-kept');
});

test('the same bytes written by somebody else are the version that was proven', async () => {
  await using world = await openChanged();
  world.target('one').write('a', 'first');
  await settle(world);
  expect(world.target('one').text('a')).toBe('second');
  expect(await texts(world)).toEqual(['first']);
});

test('what somebody puts there between keeping and overwriting is not overwritten as if it were the copy', async () => {
  await using world = await openChanged();
  const place = world.target('one');
  let once = true;
  place.after = (call) => {
    if (call.operation !== 'put' || !isKept(call) || !once) return;
    once = false;
    place.write('a', 'first');
  };
  await settle(world);
  expect(place.text('a')).toBe('second');
  expect(await texts(world)).toContain('first');
});

test('a repair of the same version keeps nothing', async () => {
  await using world = await openKeeping();
  await change(world, 'first');
  world.target('one').flip('a');
  await world.reconcile({ deep: true });
  expect(world.target('one').text('a')).toBe('first');
  expect(await kept(world)).toEqual([]);
  expect(await world.events('a')).not.toContain('not-kept');
});

test('what bears the record of Holdfast is kept though the catalog does not know it any more', async () => {
  await using world = await openChanged({ targets: { one: {}, two: {} } });
  world.target('two').flip('a');
  await world.loseCatalog();
  await settle(world);
  for (const { name } of world.targets) expect(world.target(name).text('a')).toBe('second');
  expect(await kept(world)).toMatchObject([{ target: 'one', evidence: { method: 'attested' } }]);
  expect(await texts(world)).toEqual(['first']);
});

test('what a crash left unrecorded is kept too when the source has moved on since', async () => {
  await using world = await openChanged();
  const place = world.target('one');
  const crash = new AbortController();
  place.after = ({ operation, key }) => {
    if (operation === 'put' && key === 'a') crash.abort(new Error('crash'));
    crash.signal.throwIfAborted();
  };
  await world.reconcile({ signal: crash.signal }).catch(() => undefined);
  place.heal();
  expect(place.text('a')).toBe('second');
  world.source.write('a', 'third');
  world.clock.advance(day);
  const engine = await world.another();
  for (let pass = 0; pass < 4; pass += 1) await world.reconcile({ engine });
  expect(place.text('a')).toBe('third');
  expect(await texts(world)).toEqual(['second', 'first']);
});

test('what another program had there before the first copy is kept as it was', async () => {
  await using world = await openKeeping();
  world.target('one').write('a', 'theirs');
  await change(world, 'first');
  await settle(world);
  expect(world.target('one').text('a')).toBe('first');
  expect(await texts(world)).toEqual(['theirs']);
});

/** Everything that is asked of the target while an object is overwritten, one after the other. */
const steps = ['head a', 'head kept', 'read a', 'put kept', 'put a'] as const;

for (const [index, step] of steps.entries()) {
  for (const moment of ['before', 'after'] as const) {
    test(`a crash ${moment} "${step}" loses nothing and keeps nothing twice`, async () => {
      await using world = await openChanged();
      const place = world.target('one');
      const crash = new AbortController();
      place[moment] = (call) => {
        const [operation, which] = steps[index]?.split(' ') ?? [];
        if (call.operation !== operation || (which === 'a' ? call.key !== 'a' : !isKept(call))) return;
        crash.abort(new Error('crash'));
        throw place.error('aborted', call.key);
      };
      await world.reconcile({ signal: crash.signal }).catch(() => undefined);
      place.heal();
      world.clock.advance(day);
      const engine = await world.another();
      for (let pass = 0; pass < 4; pass += 1) await world.reconcile({ engine });
      expect(place.text('a')).toBe('second');
      expect(await texts(world)).toEqual(['first']);
      expect(stored(world)).toHaveLength(1);
    });
  }
}

test('when the catalog cannot note what is kept, nothing is overwritten', async () => {
  await using world = await openChanged();
  let notes = 0;
  const catalog = new Proxy(world.catalog, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'noteKept')
        return async () => {
          notes += 1;
          throw new Error('disk full');
        };
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  await world.reconcile({ engine: { ...world.engine, catalog } }).catch(() => undefined);
  expect(notes).toBeGreaterThan(0);
  expect(world.target('one').text('a')).toBe('first');
});

test('an attempt that kept it and did not overwrite it does not read it again', async () => {
  await using world = await openChanged();
  const place = world.target('one');
  place.before = ({ operation, key }) => {
    if (operation === 'put' && key === 'a') throw place.error('unavailable', key);
  };
  await world.reconcile();
  world.forget();
  world.clock.advance(10 * day);
  await world.reconcile();
  expect(place.count('read')).toBe(0);
  place.heal();
  await world.reconcile();
  expect((await kept(world))[0]?.expiresAt).toBeGreaterThan(world.clock.now() + history - 60_000);
});

test('a kept copy that is damaged or gone is made anew while what it is of still stands', async () => {
  await using world = await openChanged();
  const place = world.target('one');
  place.before = ({ operation, key }) => {
    if (operation === 'put' && key === 'a') throw place.error('unavailable', key);
  };
  await world.reconcile();
  place.write(stored(world)[0] ?? '', 'rubbish');
  place.heal();
  await settle(world);
  expect(place.text('a')).toBe('second');
  expect(await texts(world)).toEqual(['first']);
});

/** A pass each day, so that nobody doubts the clock; the last one when `ms` are over. */
async function live(world: World, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= day) {
    world.clock.advance(Math.min(left, day));
    await world.reconcile();
  }
}

test('what is kept goes when its time is over, and nothing else does', async () => {
  await using world = await openChanged();
  await world.reconcile();
  await live(world, history - 60_000);
  expect(await texts(world)).toEqual(['first']);
  await live(world, 60_000);
  expect(await kept(world)).toEqual([]);
  expect(world.target('one').keys()).toEqual(['a']);
});

test('what was kept goes also when history is switched off, or the object is gone', async () => {
  await using world = await openChanged({ policy: { deleteAfter: day } });
  await world.reconcile();
  const { history: _, ...off } = world.policy;
  world.policy = off;
  await change(world, 'third');
  expect(await texts(world)).toEqual(['first']);
  world.source.bucket.objects.delete('a');
  world.source.write('b', 'b');
  for (let pass = 0; pass < 4; pass += 1) {
    await world.reconcile();
    world.clock.advance(day);
  }
  expect(await world.catalog.inspect('p', 'a')).toBeUndefined();
  expect(await texts(world)).toEqual(['first']);
  await live(world, history);
  expect(await kept(world)).toEqual([]);
  expect(world.target('one').keys()).toEqual(['b']);
});

test.each([0, 1])(
  'a clock that is ahead by years for a moment deletes nothing that is kept (%i passes)',
  async (passes) => {
    await using world = await openChanged();
    await live(world, 3 * day);
    const years = 3650 * day;
    world.clock.set(years);
    for (let pass = 0; pass < passes; pass += 1) await world.reconcile();
    const calm = new AbortController().signal;
    expect(await expireKept(world.engine, world.policy, calm)).toBe(0);
    world.clock.set(-years);
    await live(world, history - 4 * day);
    expect(await texts(world)).toEqual(['first']);
    await live(world, 5 * day);
    expect(await kept(world)).toEqual([]);
  },
);

test('while the policy is held nothing that is kept goes', async () => {
  await using world = await openChanged();
  await world.reconcile();
  world.clock.advance(2 * history);
  world.policy = { ...world.policy, guard: { maxChanged: 0.1, minObjects: 0 } };
  world.source.bucket.objects.clear();
  expect(await world.reconcile()).toMatchObject({ outcome: 'held' });
  expect(await texts(world)).toEqual(['first']);
});

test('a target that cannot delete now gets another chance', async () => {
  await using world = await openChanged();
  await world.reconcile();
  world.target('one').failWith('denied', 'delete');
  await live(world, history + day);
  expect(stored(world)).toHaveLength(1);
  world.target('one').heal();
  world.clock.advance(day);
  await world.reconcile();
  expect(stored(world)).toEqual([]);
});

test('what is being deleted for its age is not relied on by an overwrite', async () => {
  await using world = await openChanged();
  const place = world.target('one');
  place.before = ({ operation, key }) => {
    if (operation === 'put' && key === 'a') throw place.error('unavailable', key);
  };
  await world.reconcile();
  world.clock.advance(history);
  const [claim] = await world.catalog.claimExpired({ policy: 'p', targets: ['one'], limit: 1, leaseMs: 60_000 });
  expect(claim).toBeDefined();
  place.heal();
  await world.reconcile();
  expect(place.text('a')).toBe('first');
  expect((await world.copy('a')).error?.message).toMatch(/being deleted/);
  place.bucket.objects.delete(stored(world)[0] ?? '');
  world.clock.advance(day);
  await settle(world);
  expect(place.text('a')).toBe('second');
  expect(await texts(world)).toEqual(['first']);
});

test('damage in what is kept is not handed out as if it were it', async () => {
  await using world = await openChanged();
  await world.reconcile();
  world.target('one').flip(stored(world)[0] ?? '');
  await expect(texts(world)).rejects.toMatchObject({ code: 'checksum-mismatch' });
});

test("a kept version can be copied on, and arrives under the object's key with its attributes", async () => {
  await using world = await openChanged({ targets: { one: {}, two: {} } });
  await world.reconcile();
  const [version] = (await kept(world)).filter(({ target }) => target === 'one');
  if (version === undefined) throw new Error('nothing is kept');
  const { site } = world.target('two');
  const capabilities = await site.connect('target', calm);
  const to = { name: 'two', provider: site.provider, capabilities, occupied: null };
  const from = await keptCandidate(version, world.target('one').site.provider, calm);
  const { clock, budget } = world.engine;
  const { outcomes } = await copyObject(
    {
      ...{ from, as: 'brought back', sha256: version.sha256, attributes: version.attributes, destinations: [to] },
      ...{ sourceVersion: version.sourceVersion ?? '', sourceModifiedAt: version.modifiedAt ?? 0 },
    },
    {
      ...{ budget, clock, log: silentLog, method: 'attested', now: () => clock.now() },
      ...{ onBytes: () => undefined, onSourceBytes: () => undefined },
    },
    calm,
  );
  expect(outcomes.get('two')).toMatchObject({ written: true });
  expect(world.target('two').text('brought back')).toBe('first');
});

test('a target that is slow at keeping does not hold up the others', async () => {
  await using world = await openChanged({ targets: { one: {}, slow: {} } });
  const slow = world.target('slow');
  let free: (() => void) | undefined;
  const stuck = new Promise<void>((resolve) => (free = resolve));
  slow.before = async (call, signal) => {
    if (!(call.operation === 'put' && isKept(call))) return;
    await Promise.race([stuck, new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))]);
    if (signal.aborted) throw slow.error('aborted', call.key);
  };
  const working = world.reconcile();
  // Whoever waits by this clock does not wait long; set forward, it would end the lease instead.
  while (world.target('one').text('a') !== 'second') await new Promise((resolve) => setTimeout(resolve, 1));
  expect(slow.text('a')).toBe('first');
  free?.();
  await working;
  slow.heal();
  world.clock.advance(day);
  await settle(world);
  expect(slow.text('a')).toBe('second');
  expect(await texts(world)).toEqual(['first', 'first']);
});

test('without conditional writes what is replaced is kept all the same', async () => {
  await using world = await openChanged({ targets: { one: { capabilities: { conditionalWrites: false } } } });
  await world.reconcile();
  expect(world.target('one').text('a')).toBe('second');
  expect(await texts(world)).toEqual(['first']);
});

test.each(['any', 'sequential'] as const)('large objects are kept in parts, %s', async (order) => {
  const part = { min: 256 * KiB, max: 1024 * KiB, multipleOf: 256 * KiB, maxCount: 100, order };
  const limits = { ...memoryCapabilities.limits, maxPutSize: 256 * KiB, part };
  await using world = await openKeeping({ targets: { one: { capabilities: { limits } } } });
  const [first, second] = [bytesOf(5 * 1024 * KiB + 7), bytesOf(3 * 1024 * KiB)];
  for (const bytes of [first, second]) {
    world.source.write('a', bytes);
    await world.reconcile();
  }
  expect(world.target('one').bucket.objects.get('a')?.bytes.equals(second)).toBe(true);
  const [version] = await kept(world);
  expect(version?.sha256).toBe((await digestOf(first)).sha256);
  expect(
    world
      .target('one')
      .bucket.objects.get(stored(world)[0] ?? '')
      ?.bytes.equals(first),
  ).toBe(true);
  expect(version === undefined ? 0 : (await read(world, version)).length).toBeGreaterThan(0);
  expect(world.engine.budget.used).toBe(0);
});

test('listings of a target do not show what is kept', async () => {
  await using world = await openChanged();
  await world.reconcile();
  world.forget();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0, repaired: 0 });
  expect(await kept(world)).toHaveLength(1);
});

/* ---- where the provider keeps what is replaced ---- */

async function openVersioned(): Promise<World> {
  const world = await openKeeping();
  world.target('one').bucket.versioning = true;
  await change(world, 'first');
  return world;
}

test('where the provider keeps what is replaced, its name for it is noted, and nothing is copied', async () => {
  await using world = await openVersioned();
  world.forget();
  await change(world, 'second');
  expect(stored(world)).toEqual([]);
  expect(world.target('one').count('read')).toBe(0);
  expect(await kept(world)).toMatchObject([{ place: { by: 'provider' } }]);
  expect(await texts(world)).toEqual(['first']);
});

test('what the provider keeps is only forgotten when its time is over', async () => {
  await using world = await openVersioned();
  await change(world, 'second');
  world.forget();
  await live(world, history);
  expect(await kept(world)).toEqual([]);
  expect(world.target('one').count('delete')).toBe(0);
  expect(world.target('one').bucket.replaced.size).toBe(1);
});

test('an object that the provider would not keep is copied', async () => {
  await using world = await openVersioned();
  const place = world.target('one');
  place.bucket.versioning = false;
  await change(world, 'second');
  expect(await kept(world)).toMatchObject([{ place: { by: 'holdfast' } }]);
  expect(await texts(world)).toEqual(['first']);
});

test('of what the provider keeps, only what was proven is history', async () => {
  await using world = await openVersioned();
  world.target('one').write('a', 'foreign');
  await change(world, 'second');
  await settle(world);
  expect(world.target('one').text('a')).toBe('second');
  expect(await kept(world)).toEqual([]);
});
