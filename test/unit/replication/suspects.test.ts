import { expect, test } from 'vitest';
import { noAttributes } from '../../../src/objects/object.ts';
import { glance } from '../../../src/replication/pass.ts';
import { openWorld, type World } from '../../support/engine.ts';

const then = Date.UTC(2026, 0, 1, 0, 0, 0, 123);

/** A source whose times tell two writes apart, as a filesystem's do. */
async function worldOf(keys: readonly string[], preciseTimes = true): Promise<World> {
  const world = await openWorld({ source: { capabilities: { preciseTimes } } });
  for (const key of keys) write(world, key, `bytes of ${key}`);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
  world.forget();
  return world;
}

/** A new version with the given time. */
function write(world: World, key: string, text: string, modifiedAt = then): string {
  const stored = { bytes: Buffer.from(text), modifiedAt, attributes: noAttributes, checksums: {} };
  return world.source.bucket.write(key, { ...stored, record: undefined as never }).version;
}

test('a source copied to another disk with its times kept: every version is new, nothing is copied, nothing held', async () => {
  const keys = Array.from({ length: 150 }, (_, index) => `k${index}`);
  await using world = await worldOf(keys);
  const versions = keys.map((key) => write(world, key, `bytes of ${key}`));
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', held: 0, copied: 0, inPlace: 450 });
  expect(world.count('put', 'read')).toBe(0);
  expect(await world.object('k7')).toMatchObject({ version: versions[7], observed: null });
  expect(await world.events('k7')).toContain('touched');
  world.source.forget();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0 });
  expect(world.source.count('read')).toBe(0);
});

test('a look for what is new reads nothing to find out what changed', async () => {
  await using world = await worldOf(['a', 'b']);
  write(world, 'a', 'bytes of a');
  write(world, 'c', 'bytes of c');
  await glance(world.engine, world.policy, () => undefined, new AbortController().signal);
  expect(world.source.count('read', 'head')).toBe(0);
  expect(await world.catalog.counts('p')).toMatchObject({ objects: 3, observed: 0 });
});

test('bytes that changed with nobody writing are damage at the source: said, not copied, not read again and again', async () => {
  await using world = await worldOf(['a', 'b']);
  write(world, 'a', 'BYTES of a');
  const reasons = [expect.stringContaining('1 objects are damaged at the source')];
  expect(await world.reconcile()).toMatchObject({ copied: 0, repaired: 0, failed: 0, reasons });
  expect(world.targets.map((place) => place.text('a'))).toEqual(Array(3).fill('bytes of a'));
  expect(await world.catalog.counts('p')).toMatchObject({ sourceDamaged: 1, observed: 0, lost: 0 });
  expect(await world.events('a')).toContain('source-damaged');
  world.forget();
  await world.reconcile();
  expect(world.source.count('read')).toBe(0);
});

test('damage that was only on the wire, twice in a row, is looked at again after a day; what is damage is read once a day', async () => {
  await using world = await worldOf(['a', 'b']);
  write(world, 'a', 'BYTES of a');
  const version = write(world, 'b', 'bytes of b');
  world.source.body = async function* (chunks, key) {
    for await (const chunk of chunks) yield key === 'b' ? Buffer.alloc(chunk.byteLength) : chunk;
  };
  await world.reconcile();
  world.source.heal();
  expect(await world.catalog.counts('p')).toMatchObject({ sourceDamaged: 2 });
  world.clock.advance(25 * 3_600_000);
  world.forget();
  await world.reconcile();
  expect(await world.catalog.counts('p')).toMatchObject({ sourceDamaged: 1 });
  expect(await world.object('b')).toMatchObject({ version });
  expect(world.source.count('read')).toBe(3);
  world.forget();
  await world.reconcile();
  expect(world.source.count('read')).toBe(0);
});

test('a copy of an object that is damaged at the source is repaired from another copy', async () => {
  await using world = await worldOf(['a', 'b']);
  write(world, 'a', 'BYTES of a');
  await world.reconcile();
  world.target('two').bucket.objects.delete('a');
  expect(await world.reconcile()).toMatchObject({ failed: 0 });
  expect(world.target('two').text('a')).toBe('bytes of a');
});

test('once somebody writes it, it is a change like any other; put back as it was, it is sound', async () => {
  await using world = await worldOf(['a', 'b']);
  for (const key of ['a', 'b']) write(world, key, `BYTES of ${key}`);
  await world.reconcile();
  expect(await world.catalog.counts('p')).toMatchObject({ sourceDamaged: 2 });
  write(world, 'a', 'BYTES of a', then + 1);
  write(world, 'b', 'bytes of b');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3 });
  expect(world.target('one').text('a')).toBe('BYTES of a');
  expect(await world.catalog.counts('p')).toMatchObject({ sourceDamaged: 0 });
});

test('one that cannot be read now is looked at by the next pass', async () => {
  await using world = await worldOf(['a', 'b']);
  write(world, 'a', 'BYTES of a');
  world.source.failWith('unavailable', 'read');
  await world.reconcile();
  expect(world.target('one').text('a')).toBe('bytes of a');
  expect(await world.catalog.counts('p')).toMatchObject({ sourceDamaged: 0 });
  world.source.heal();
  await world.reconcile();
  expect(await world.catalog.counts('p')).toMatchObject({ sourceDamaged: 1 });
});

test('where times are coarse, another version is another object', async () => {
  await using world = await worldOf(['a', 'b'], false);
  write(world, 'a', 'BYTES of a');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3 });
  expect(world.target('one').text('a')).toBe('BYTES of a');
});

test('a look at many large objects that was interrupted is not begun anew', async () => {
  const one = { targets: { one: {} }, policy: { minCopies: 1 } };
  await using world = await openWorld({ ...one, source: { capabilities: { preciseTimes: true } } });
  const bytes = Buffer.alloc(8 * 1024 ** 2, 'large');
  const keys = Array.from({ length: 24 }, (_, index) => `k${String(index).padStart(2, '0')}`);
  const write = (key: string): void => {
    const stored = { bytes, modifiedAt: then, attributes: noAttributes, record: undefined as never, checksums: {} };
    world.source.bucket.write(key, stored);
    world.target('one').bucket.objects.set(key, { ...stored, version: 'as it was' });
  };
  for (const key of keys) write(key);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', inPlace: 24 });
  for (const key of keys) write(key);
  const stop = new AbortController();
  let reads = 0;
  world.source.before = ({ operation }) => {
    if (operation === 'read') reads += 1;
    if (reads === keys.length) stop.abort(new Error('interrupted'));
  };
  await expect(world.reconcile({ signal: stop.signal })).rejects.toThrow(/interrupted|abort/i);
  world.source.heal();
  expect(await world.object('k00')).toMatchObject({ version: world.source.bucket.objects.get('k00')?.version });
  world.forget();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0 });
  expect(world.source.count('read')).toBeLessThan(keys.length);
});
