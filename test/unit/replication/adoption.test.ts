import { expect, test } from 'vitest';
import { memoryCapabilities } from '../../../src/providers/memory/memory.ts';
import { openWorld, type World } from '../../support/engine.ts';
import { claimedBy } from '../../support/place.ts';

async function lostCatalog(world: World, keys: readonly string[] = ['a', 'b']): Promise<void> {
  for (const key of keys) world.source.write(key, `bytes of ${key}`);
  await world.reconcile();
  await world.loseCatalog();
  world.forget();
}

test('without the catalog, copies are adopted by their records and the attestation: no put, no read', async () => {
  await using world = await openWorld();
  await lostCatalog(world);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0, repaired: 0, inPlace: 6 });
  expect([world.count('put', 'delete', 'read', 'start-upload'), world.source.count('read')]).toEqual([0, 0]);
  expect(await world.copy('a')).toMatchObject({ state: 'verified', evidence: { method: 'attested' } });
  expect((await world.object('a')).sha256).toBe(world.target('one').bucket.objects.get('a')?.record.sha256);
});

test('where nothing attests, the copies are read, and still not the source', async () => {
  const capabilities = { attests: {}, wants: { put: [], part: [], upload: [] } };
  await using world = await openWorld({ targets: { one: { capabilities }, two: { capabilities } } });
  await lostCatalog(world);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', inPlace: 4 });
  expect([world.count('put'), world.count('read'), world.source.count('read')]).toEqual([0, 4, 0]);
  expect(await world.copy('a')).toMatchObject({ evidence: { method: 'read' } });
});

test('identical bytes that nobody recorded are adopted by proof', async () => {
  await using world = await openWorld();
  world.source.write('a', 'the same');
  for (const place of world.targets) place.write('a', 'the same');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0, inPlace: 3 });
  expect([world.count('put'), world.count('read'), world.source.count('read')]).toEqual([0, 3, 1]);
  expect(await world.events('a')).toContain('adopted');
});

test('other bytes at the key are replaced, of the same length or not', async () => {
  await using world = await openWorld();
  world.source.write('a', 'the same');
  world.target('one').write('a', 'not same');
  world.target('two').write('a', 'longer than that');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', failed: 0 });
  expect(world.targets.map((place) => place.text('a'))).toEqual(Array(3).fill('the same'));
});

test('a record that lies at one target does not make good copies look wrong', async () => {
  await using world = await openWorld();
  await lostCatalog(world, ['a']);
  const version = world.source.bucket.objects.get('a')?.version ?? '';
  world.target('one').write('a', 'forged bys');
  await claimedBy(world.target('one'), 'a', version);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', failed: 0 });
  expect(world.targets.map((place) => place.text('a'))).toEqual(Array(3).fill('bytes of a'));
  expect([world.target('two').count('put'), world.target('three').count('put')]).toEqual([0, 0]);
});

test('a copy that rotted while the catalog was away is found out and replaced', async () => {
  const capabilities = { attests: {}, wants: { put: [], part: [], upload: [] } };
  await using world = await openWorld({ targets: { one: { capabilities }, two: { capabilities } } });
  await lostCatalog(world, ['a']);
  world.target('two').flip('a');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', failed: 0 });
  expect(world.target('two').text('a')).toBe('bytes of a');
});

test('a target that does not answer hinders no other from being adopted', async () => {
  await using world = await openWorld();
  await lostCatalog(world, ['a']);
  world.target('one').failWith('unavailable', 'head', 'read');
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', inPlace: 2, failed: 1 });
  expect(await world.problems()).toMatchObject([{ target: 'one', error: { code: 'unavailable' } }]);
  world.target('one').heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', inPlace: 3, copied: 0 });
  expect(world.count('put')).toBe(0);
});

test('records of another source version say what the object was: the change since is judged like any other', async () => {
  await using world = await openWorld();
  await lostCatalog(world, ['a']);
  world.source.write('a', 'newer bits');
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', copied: 0 });
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3 });
  expect(world.targets.map((place) => place.text('a'))).toEqual(Array(3).fill('newer bits'));
});

test('what cannot be told yet is tried again later and ends no pass in a circle', async () => {
  await using world = await openWorld({ policy: { guard: { maxChanged: 0, minObjects: 0 } } });
  world.source.write('a', 'first');
  for (const place of world.targets) place.write('a', 'other');
  world.source.failWith('unavailable', 'read');
  await world.reconcile();
  world.source.heal();
  world.source.write('a', 'second');
  expect(await world.reconcile()).toMatchObject({ outcome: 'held', held: 1, failed: 3 });
  expect(await world.problems()).toMatchObject(Array(3).fill({ error: { code: 'conflict' } }));
});

test('a copy that vanishes between being looked at and being read is missing, and made again', async () => {
  const capabilities = { ...memoryCapabilities, attests: {} };
  await using world = await openWorld({ targets: { one: { capabilities } } });
  await lostCatalog(world, ['a']);
  const one = world.target('one');
  one.before = ({ operation }) => {
    if (operation === 'read') one.bucket.objects.delete('a');
    if (operation === 'read') one.heal();
  };
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', failed: 0 });
  expect(one.text('a')).toBe('bytes of a');
});
