import { describe, expect, test } from 'vitest';
import { CatalogError } from '../../../src/catalog/errors.ts';
import type { Catalog } from '../../../src/catalog/catalog.ts';
import { compareKeys } from '../../../src/objects/key.ts';
import { noAttributes } from '../../../src/objects/object.ts';
import { memoryCapabilities } from '../../../src/providers/memory/memory.ts';
import { openWorld, type World, type WorldOptions } from '../../support/engine.ts';
import { claimedBy, hide, type Place } from '../../support/place.ts';
import { backRoom, restoreTo } from '../../support/restoring.ts';

/** A world whose `a` and `b` are at all targets. */
async function openCopied(options: WorldOptions = {}): Promise<World> {
  const world = await openWorld({ targets: { one: {}, two: {} }, ...options });
  world.source.write('a', 'bytes of a');
  world.source.write('b', 'bytes of b');
  await world.reconcile();
  return world;
}

const texts = (place: Place): Record<string, string | undefined> =>
  Object.fromEntries(place.keys().map((key) => [key, place.text(key)]));

const whole = { a: 'bytes of a', b: 'bytes of b' };

describe.each([
  ['with the catalog', false],
  ['without a catalog', true],
])('%s', (_, withoutCatalog) => {
  test('everything comes back, with its time, attributes and record', async () => {
    await using world = await openWorld({ targets: { one: {}, two: {} } });
    const attributes = { contentType: 'text/plain', metadata: { owner: 'ana' } };
    const { version } = world.source.bucket.write('a', { ...world.source.write('a', 'x'), attributes, modifiedAt: 7 });
    await world.reconcile();
    world.forget();
    const back = backRoom(world);
    const { report, complete } = await restoreTo(world, back, { withoutCatalog });
    expect(complete).toBe(true);
    expect(report).toMatchObject({ objects: 1, restored: 1, failed: 0, bytes: 1, from: { one: 1 }, inPlace: 0 });
    expect(back.bucket.objects.get('a')).toMatchObject({
      attributes,
      record: { sourceVersion: version, sourceModifiedAt: 7, size: 1 },
    });
    expect(world.source.calls).toEqual([]);
    expect(world.count('put', 'start-upload', 'delete')).toBe(0);
  });

  test('a second run writes nothing', async () => {
    await using world = await openCopied();
    const back = backRoom(world);
    await restoreTo(world, back, { withoutCatalog });
    back.forget();
    world.forget();
    const { report, complete } = await restoreTo(world, back, { withoutCatalog });
    expect([report, complete]).toMatchObject([{ objects: 2, restored: 0, inPlace: 2, bytes: 0 }, true]);
    expect(back.count('put', 'start-upload')).toBe(0);
    expect(world.count('read')).toBe(0);
  });

  test('a run that was broken off is taken up: only what is missing is written', async () => {
    await using world = await openCopied({ concurrency: 1 });
    const back = backRoom(world);
    const over = new AbortController();
    back.after = ({ operation }) => {
      if (operation === 'put') over.abort();
    };
    await expect(restoreTo(world, back, { withoutCatalog, signal: over.signal })).rejects.toThrow('abort');
    expect(back.keys()).toEqual(['a']);
    back.heal();
    back.forget();
    expect(await restoreTo(world, back, { withoutCatalog })).toMatchObject({
      complete: true,
      report: { restored: 1, inPlace: 1 },
    });
    expect(texts(back)).toEqual(whole);
    expect(back.count('put')).toBe(1);
  });

  test('what stands there and is different is left, unless it may be overwritten', async () => {
    await using world = await openCopied();
    const back = backRoom(world);
    back.write('a', 'mine of a!');
    back.write('b', 'longer than b');
    const { report, complete, problems } = await restoreTo(world, back, { withoutCatalog });
    expect([report, complete]).toMatchObject([{ objects: 2, failed: 2, reasons: { conflict: 2 } }, false]);
    expect(problems.map(({ key, provider, code }) => `${key} ${provider} ${code}`).toSorted(compareKeys)).toEqual([
      'a back conflict',
      'b back conflict',
    ]);
    expect(problems[0]?.message).toContain('--overwrite');
    expect(texts(back)).toEqual({ a: 'mine of a!', b: 'longer than b' });
    expect(await restoreTo(world, back, { withoutCatalog, overwrite: true })).toMatchObject({ complete: true });
    expect(texts(back)).toEqual(whole);
  });

  test('what comes there between the look and the write is not overwritten', async () => {
    await using world = await openCopied();
    const back = backRoom(world);
    back.before = ({ operation, key = '' }) => {
      if (operation === 'put' && key === 'a') back.write('a', 'of somebody');
    };
    const { report, problems } = await restoreTo(world, back, { withoutCatalog });
    expect([report, problems]).toMatchObject([{ restored: 1, failed: 1 }, [{ key: 'a', code: 'conflict' }]]);
    expect(texts(back)).toEqual({ a: 'of somebody', b: whole.b });
  });

  test('headers and metadata that are others are told; the bytes are in place', async () => {
    await using world = await openWorld({ targets: { one: {} } });
    world.source.bucket.write('a', {
      ...world.source.write('a', 'x'),
      attributes: { ...noAttributes, contentType: 'a/b' },
    });
    await world.reconcile();
    const back = backRoom(world);
    back.write('a', 'x');
    expect(await restoreTo(world, back, { withoutCatalog })).toMatchObject({
      complete: true,
      report: { inPlace: 1, otherAttributes: 1 },
    });
    await restoreTo(world, back, { withoutCatalog, overwrite: true });
    expect(back.bucket.objects.get('a')?.attributes.contentType).toBe('a/b');
  });

  test('a damaged copy is never shown: the next one is read', async () => {
    await using world = await openCopied();
    world.target('one').flip('a');
    const back = backRoom(world);
    const { report, complete } = await restoreTo(world, back, { withoutCatalog });
    expect([report.from, complete, texts(back)]).toEqual([{ one: 1, two: 1 }, true, whole]);
  });

  test('with every copy damaged nothing is shown, and that is said', async () => {
    await using world = await openCopied();
    for (const name of ['one', 'two']) world.target(name).flip('a');
    const back = backRoom(world);
    const { report, complete, problems } = await restoreTo(world, back, { withoutCatalog });
    expect([report, complete]).toMatchObject([{ restored: 1, failed: 1 }, false]);
    expect(problems).toMatchObject([{ key: 'a', code: 'checksum-mismatch' }]);
    expect(back.keys()).toEqual(['b']);
  });

  test('a place that is down: what others hold comes back, and it is said', async () => {
    await using world = await openCopied();
    world.target('one').failWith('unavailable');
    const back = backRoom(world);
    const { report, complete } = await restoreTo(world, back, { withoutCatalog });
    expect([complete, texts(back), Object.keys(report.notLookedAt)]).toEqual([false, whole, ['one']]);
  });

  test('a listing that breaks off in the middle', async () => {
    await using world = await openCopied({ targets: { one: { pageSize: 1 }, two: {} } });
    const one = world.target('one');
    one.listing = async function* (pages) {
      for await (const page of pages) {
        yield page;
        throw one.error('denied');
      }
    };
    const back = backRoom(world);
    const { complete, report } = await restoreTo(world, back, { withoutCatalog });
    expect([complete, texts(back), report.from]).toEqual([false, whole, { one: 1, two: 1 }]);
  });

  test('what nobody bills for is read first', async () => {
    await using world = await openCopied({
      targets: { dear: {}, free: { capabilities: { ...memoryCapabilities, freeReads: true } } },
    });
    expect((await restoreTo(world, backRoom(world), { withoutCatalog })).report.from).toEqual({ free: 2 });
  });

  test('from one place only', async () => {
    await using world = await openCopied();
    world.target('one').failWith('denied');
    const { report, complete } = await restoreTo(world, backRoom(world), { withoutCatalog, from: ['two'] });
    expect([report.from, complete]).toEqual([{ two: 2 }, true]);
  });

  test('only below a prefix', async () => {
    await using world = await openCopied();
    const back = backRoom(world);
    await restoreTo(world, back, { withoutCatalog, prefix: 'b' });
    expect(texts(back)).toEqual({ b: whole.b });
  });

  test('a dry run writes nothing and says from where, how much and how long', async () => {
    await using world = await openCopied();
    const back = backRoom(world);
    const { report, estimate } = await restoreTo(world, back, { withoutCatalog, dryRun: true });
    expect(report).toMatchObject({ restored: 2, bytes: 20, from: { one: 2 } });
    expect(estimate).toMatchObject({ samples: [{ provider: 'one', objects: 2, bytes: 20, sampledBytes: 10 }] });
    expect([back.keys(), back.count('put', 'start-upload')]).toEqual([[], 0]);
  });

  test('a destination that cannot be used ends it', async () => {
    await using world = await openCopied();
    const back = backRoom(world);
    back.failWith('denied', 'connect');
    await expect(restoreTo(world, back, { withoutCatalog })).rejects.toMatchObject({ code: 'denied' });
  });

  test('onto a target, which is not read then, and whose copies the next pass takes for its own', async () => {
    await using world = await openCopied();
    const one = world.target('one');
    for (const key of one.keys()) one.bucket.objects.delete(key);
    world.forget();
    expect(await restoreTo(world, one, { withoutCatalog })).toMatchObject({
      complete: true,
      report: { from: { two: 2 } },
    });
    expect(one.count('read')).toBe(0);
    world.forget();
    expect(await world.reconcile()).toMatchObject({ outcome: 'complete', failed: 0 });
    expect(world.count('put')).toBe(0);
    expect(await world.copy('a', 'one')).toMatchObject({ state: 'verified', recorded: true });
  });
});

test('what is gone at the source comes back too, unless it is left out', async () => {
  await using world = await openCopied({ policy: { guard: { maxChanged: 1, minObjects: 1 } } });
  world.source.bucket.objects.delete('a');
  await world.reconcile();
  expect((await world.object('a')).state).toBe('gone');
  const left = await restoreTo(world, backRoom(world), { withoutGone: true });
  expect(left.report).toMatchObject({ objects: 1, restored: 1, gone: 0, leftOut: 1 });
  const back = backRoom(world);
  expect((await restoreTo(world, back)).report).toMatchObject({ objects: 2, restored: 2, gone: 1, leftOut: 0 });
  expect(texts(back)).toEqual(whole);
});

test('what the catalog knows and what only the targets know', async () => {
  await using world = await openCopied();
  world.target('two').write('c', 'elsewhere');
  await claimedBy(world.target('two'), 'c', 'v9');
  const back = backRoom(world);
  expect(await restoreTo(world, back)).toMatchObject({ complete: true, report: { restored: 3 } });
  expect(texts(back)).toEqual({ ...whole, c: 'elsewhere' });
});

test('an object that was never copied is named', async () => {
  await using world = await openCopied();
  for (const name of ['one', 'two']) world.target(name).failWith('unavailable', 'put');
  world.source.write('new', 'only here');
  await world.reconcile();
  world.targets.forEach((target) => target.heal());
  const { complete, problems } = await restoreTo(world, backRoom(world));
  expect([complete, problems]).toMatchObject([false, [{ key: 'new', code: 'not-found' }]]);
});

test('the catalog knows better than a record that somebody forged', async () => {
  await using world = await openCopied();
  world.target('one').write('a', 'forged text');
  await claimedBy(world.target('one'), 'a', 'v999');
  const back = backRoom(world);
  await restoreTo(world, back);
  expect(texts(back)).toEqual(whole);
});

test('a catalog that turns out unreadable on the way is told, and done without', async () => {
  await using world = await openCopied();
  const broken: Partial<Catalog> = {
    async *scan() {
      yield [];
      throw new CatalogError('corrupt', 'it is damaged');
    },
    record: async () => await Promise.reject(new CatalogError('corrupt', 'it is damaged')),
  };
  const { catalog } = world.engine;
  const back = backRoom(world);
  Object.assign(world.engine, { catalog: { ...catalog, ...broken } });
  const { complete, catalogLost } = await restoreTo(world, back);
  Object.assign(world.engine, { catalog });
  expect([complete, catalogLost, texts(back)]).toEqual([true, ['it is damaged'], whole]);
});

test('a link among the copies, of which no catalog tells what it hides, is said, and is no success', async () => {
  await using world = await openCopied();
  hide(world.target('one'), 'tree', 'it is a symbolic link');
  const { complete, report } = await restoreTo(world, backRoom(world), { withoutCatalog: true });
  const notLookedAt = { one: 'what is at tree is passed over, for it is a symbolic link' };
  expect([complete, report]).toMatchObject([false, { restored: 2, failed: 0, notLookedAt }]);
  expect(await restoreTo(world, backRoom(world))).toMatchObject({ complete: true, report: { notLookedAt: {} } });
});
