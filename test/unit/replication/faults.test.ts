import { expect, test } from 'vitest';
import { errorCodes, ProviderError } from '../../../src/objects/errors.ts';
import { memoryCapabilities } from '../../../src/providers/memory/memory.ts';
import { Worker } from '../../../src/replication/worker.ts';
import { openWorld } from '../../support/engine.ts';

/** Attests nothing: every copy must be read back. */
const mute = { capabilities: { attests: {}, wants: { put: [], part: [], upload: [] } } };

test.each(errorCodes)('a target whose puts end with %s fails alone, and the code is on record', async (code) => {
  await using world = await openWorld();
  for (const key of ['a', 'b']) world.source.write(key, key);
  world.target('two').failWith(code, 'put');
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', copied: 4, failed: 2 });
  expect(world.target('three').keys()).toEqual(['a', 'b']);
  expect(await world.problems()).toMatchObject(['a', 'b'].map((key) => ({ key, target: 'two', error: { code } })));
  world.target('two').heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 2, inPlace: 4 });
});

test('a target that asks to be left alone for weeks is asked again after a day, and not at once', async () => {
  await using world = await openWorld({ targets: { one: {} } });
  world.source.write('a', 'a');
  world.target('one').before = ({ operation }) => {
    if (operation !== 'put') return;
    const details = { provider: 'one', retryAfterMs: 21 * 24 * 3_600_000 };
    throw new ProviderError('throttled', 'come back in three weeks', details);
  };
  await world.reconcile();
  const request = { owner: 'w', policies: ['p'], targets: ['one'], limit: 1, leaseMs: 1_000 };
  expect(await world.catalog.claim(request)).toEqual([]);
  world.clock.advance(25 * 3_600_000);
  expect(await world.catalog.claim(request)).toHaveLength(1);
});

test('a failure that is no error of a provider is recorded, and ends the work on nothing else', async () => {
  await using world = await openWorld();
  for (const key of ['a', 'b', 'c']) world.source.write(key, key);
  world.source.before = ({ operation, key }) => {
    if (operation === 'read' && key === 'b') throw new TypeError('a mistake in the program');
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', copied: 6, failed: 3 });
  const error = { code: 'invalid', message: expect.stringContaining('a mistake in the program') as string };
  expect(await world.problems()).toMatchObject(Array(3).fill({ key: 'b', state: 'failed', error }));
});

test('a target that stores another bit than it was sent is found out: never verified, taken back', async () => {
  await using world = await openWorld({ targets: { one: {}, two: mute } });
  world.source.write('a', 'bytes of a');
  const two = world.target('two');
  two.after = ({ operation, key = '' }) => {
    if (operation === 'put') two.flip(key);
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', copied: 1, failed: 1 });
  expect(await world.copy('a', 'two')).toMatchObject({ state: 'damaged', error: { code: 'checksum-mismatch' } });
  expect([two.keys(), two.count('delete')]).toEqual([[], 1]);
  expect(await world.events('a')).not.toContain('verified');
  two.heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', repaired: 1 });
  expect(two.text('a')).toBe('bytes of a');
});

test('a wrong copy in place of an older one is not removed, and replaced later', async () => {
  await using world = await openWorld({ targets: { two: mute } });
  const two = world.target('two');
  world.source.write('a', 'first');
  await world.reconcile();
  world.source.write('a', 'second');
  two.after = ({ operation, key = '' }) => {
    if (operation === 'put') two.flip(key);
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', failed: 1 });
  expect(two.count('delete')).toBe(0);
  expect(await world.copy('a', 'two')).toMatchObject({ state: 'damaged', version: expect.any(String) as string });
  two.heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', repaired: 1 });
  expect(two.text('a')).toBe('second');
});

test('a put whose answer was lost is adopted and not made twice', async () => {
  await using world = await openWorld();
  world.source.write('a', 'bytes of a');
  const one = world.target('one');
  let lost = 0;
  one.after = ({ operation, key }) => {
    if (operation === 'put' && (lost += 1) === 1) throw one.error('unavailable', key);
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', failed: 1 });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0, inPlace: 3 });
  const version = one.bucket.objects.get('a')?.version;
  expect(await world.copy('a')).toMatchObject({ state: 'verified', version });
  // The second put, where there was one, was refused: the bytes were written once.
  expect(version).toBe('v1');
});

test('an object that appears at the target after it was listed is not overwritten before somebody looked at it', async () => {
  await using world = await openWorld({ targets: { one: {} } });
  world.source.write('a', 'bytes of a');
  const one = world.target('one');
  one.before = ({ operation }) => {
    if (operation !== 'put') return;
    one.heal();
    one.write('a', 'of somebody else');
  };
  await world.reconcile();
  await world.reconcile();
  expect(await world.copy('a')).toMatchObject({ state: 'verified' });
  expect((await world.events('a')).toReversed()).toEqual(expect.arrayContaining(['damaged', 'repaired']));
  expect(one.text('a')).toBe('bytes of a');
});

test('somebody who keeps writing to the key is not fought in a hot loop', async () => {
  await using world = await openWorld({ targets: { one: {} } });
  world.source.write('a', 'bytes of a');
  const one = world.target('one');
  one.before = ({ operation }) => {
    if (operation === 'put') one.write('a', 'of somebody else');
  };
  await world.reconcile();
  await world.catalog.makeDue('p', {});
  one.forget();
  const worker = new Worker({ ...world.engine, random: () => 1 }, { policies: [world.policy] });
  await worker.run(AbortSignal.timeout(300), new AbortController().signal);
  expect(one.count('put')).toBeLessThan(5);
});

test('a source that changes while it is read: nothing becomes visible, and the new version follows', async () => {
  await using world = await openWorld();
  world.source.write('a', 'x'.repeat(200_000));
  let chunks = 0;
  world.source.body = async function* (body) {
    for await (const chunk of body) {
      if ((chunks += 1) === 2) {
        world.source.write('a', 'changed');
        throw world.source.error('unavailable', 'a');
      }
      yield chunk;
    }
  };
  await world.reconcile();
  for (const place of world.targets) expect(['changed', undefined]).toContain(place.text('a'));
  world.source.heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', failed: 0 });
  expect(world.targets.map((place) => place.text('a'))).toEqual(Array(3).fill('changed'));
});

test('an object that goes while it is read for the first time is forgotten, and nothing else suffers', async () => {
  await using world = await openWorld();
  for (const key of ['a', 'b']) world.source.write(key, key);
  world.source.before = ({ operation, key = '' }) => {
    if (operation === 'read' && key === 'a') world.source.bucket.objects.delete('a');
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', objects: 1, copied: 3, failed: 0 });
  await expect(world.object('a')).rejects.toThrow('the catalog has no a');
  expect(await world.catalog.counts('p')).toMatchObject({ gone: 0, lost: 0, observed: 0 });
});

test('an object that goes while it is read to be copied to one more target: its copies are kept', async () => {
  await using world = await openWorld();
  world.target('two').failWith('unavailable', 'put');
  for (const key of ['a', 'b']) world.source.write(key, key);
  await world.reconcile();
  world.target('two').heal();
  world.source.before = ({ operation, key = '' }) => {
    if (operation === 'read' && key === 'a') world.source.bucket.objects.delete('a');
  };
  await world.reconcile();
  world.source.heal();
  await world.reconcile();
  expect(await world.object('a')).toMatchObject({ state: 'gone' });
  expect(await world.catalog.counts('p')).toMatchObject({ objects: 1, gone: 1, lost: 0, observed: 0 });
  expect(world.target('one').text('a')).toBe('a');
});

test('a source that answers nothing any more after a broken read ends no work', async () => {
  await using world = await openWorld();
  for (const key of ['a', 'b']) world.source.write(key, key);
  world.source.before = ({ operation, key = '' }) => {
    if (operation === 'read' && key === 'a') throw world.source.error('conflict', key);
    if (operation === 'head') throw world.source.error('unavailable', key);
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', copied: 3, failed: 3 });
});

test('rot at the source is not copied: the good copies repair what is missing', async () => {
  await using world = await openWorld();
  world.source.write('a', 'bytes of a');
  await world.reconcile();
  world.source.flip('a');
  world.target('one').bucket.objects.delete('a');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', repaired: 1 });
  expect(world.target('one').text('a')).toBe('bytes of a');
  expect(await world.events('a')).toContain('source-damaged');
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 0 });
});

test('rot at the source and no copy left: lost, and every byte stays where it is', async () => {
  await using world = await openWorld();
  world.source.write('a', 'bytes of a');
  await world.reconcile();
  world.source.flip('a');
  for (const place of world.targets) place.flip('a');
  expect(await world.reconcile({ deep: true })).toMatchObject({ outcome: 'incomplete', failed: 3 });
  expect(await world.catalog.counts('p')).toMatchObject({ lost: 1 });
  expect(world.count('delete')).toBe(0);
  expect(world.targets.every((place) => place.keys().includes('a'))).toBe(true);
});

test('a copy is repaired from another copy while the source is away', async () => {
  await using world = await openWorld();
  world.source.write('a', 'bytes of a');
  await world.reconcile();
  world.target('three').bucket.objects.delete('a');
  world.source.failWith('unavailable', 'read', 'head');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', repaired: 1 });
  expect(world.target('three').text('a')).toBe('bytes of a');
});

test('a target that cannot be listed leaves its copies as they are, and is named', async () => {
  await using world = await openWorld();
  world.source.write('a', 'x');
  await world.reconcile();
  world.target('two').failWith('denied', 'list');
  world.source.write('b', 'y');
  const report = await world.reconcile();
  expect(report).toMatchObject({ outcome: 'incomplete', copied: 3, inPlace: 3, failed: 0 });
  expect(report.reasons).toEqual([expect.stringContaining('two')]);
});

test('a target that cannot be reached leaves the others alone', async () => {
  await using world = await openWorld();
  world.source.write('a', 'x');
  world.target('two').failWith('unavailable');
  const report = await world.reconcile();
  expect(report).toMatchObject({ outcome: 'incomplete', copied: 2, failed: 1 });
  expect(report.reasons).toEqual([expect.stringContaining('two')]);
});

test('a target that lets everybody wait to be reached delays its own copies only', async () => {
  await using world = await openWorld();
  world.source.write('a', 'x');
  let reached = (): void => undefined;
  world.target('two').before = async ({ operation }) => {
    if (operation === 'connect') await new Promise<void>((resolve) => (reached = resolve));
  };
  const report = await world.reconcile();
  expect(report).toMatchObject({ outcome: 'incomplete', copied: 2, failed: 1 });
  expect(report.reasons).toEqual([expect.stringContaining('two did not answer')]);
  reached();
});

test('a listing that breaks off half-way takes nothing for vanished', async () => {
  await using world = await openWorld({ source: { pageSize: 5 } });
  for (let n = 0; n < 20; n += 1) world.source.write(`k${n}`, 'x');
  await world.reconcile();
  let begun = false;
  world.source.listing = async function* (pages) {
    if (begun) throw world.source.error('unavailable');
    begun = true;
    for await (const page of pages) {
      yield page;
      throw world.source.error('unavailable');
    }
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', objects: 20, held: 0 });
  expect(await world.object('k9')).toMatchObject({ state: 'present', observed: null });
  world.source.heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', objects: 20 });
});

test('keys that a target cannot hold are refused by name, and held by the others', async () => {
  const refuses = (key: string): string | undefined => (key.includes('x') ? 'it has an x' : undefined);
  await using world = await openWorld({ targets: { one: { refuses }, two: {} } });
  world.source.write('axe', '1');
  world.source.write('bee', '2');
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', copied: 3, failed: 1 });
  expect(await world.problems()).toMatchObject([{ key: 'axe', target: 'one', error: { code: 'unsupported' } }]);
});

test('capabilities that attest parts of an upload only leave small objects to be read back', async () => {
  const capabilities = { attests: { upload: 'crc32c' as const }, wants: memoryCapabilities.wants };
  await using world = await openWorld({ targets: { one: { capabilities } } });
  world.source.write('a', 'x');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 1 });
  expect(await world.copy('a')).toMatchObject({ evidence: { method: 'read' } });
});
