import { expect, test } from 'vitest';
import { bytesOf } from '../../support/bytes.ts';
import type { Place } from '../../support/place.ts';
import { openWorld, type World } from '../../support/engine.ts';

/** Three objects at the source. */
async function threeObjects(world: World): Promise<void> {
  for (const key of ['a', 'b/c', 'd']) world.source.write(key, `bytes of ${key}`);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 9 });
  world.forget();
}

test('new objects go to every target, and each is read once at the source', async () => {
  await using world = await openWorld();
  for (let n = 0; n < 50; n += 1) world.source.write(`k${n}`, bytesOf(1000 + n, `k${n}`));
  const bytes = [...world.source.bucket.objects.values()].reduce((sum, object) => sum + object.bytes.length, 0);
  const report = await world.reconcile();
  expect(report).toMatchObject({ outcome: 'complete', objects: 50, bytes, copied: 150, failed: 0, held: 0 });
  expect(report).toMatchObject({ bytesCopied: 3 * bytes, inPlace: 0, repaired: 0, deleted: 0, reasons: [] });
  expect([world.source.count('read'), world.source.bytesRead]).toEqual([50, bytes]);
  expect([world.source.count('head'), world.count('put'), world.count('head', 'read')]).toEqual([0, 150, 0]);
  for (const place of world.targets) {
    for (const key of world.source.keys()) expect(place.text(key)).toBe(world.source.text(key));
  }
});

test('a copy records what proves it, and describes itself', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  const { sha256, version } = await world.object('a');
  expect(await world.copy('a')).toMatchObject({
    state: 'verified',
    dueAt: null,
    error: null,
    evidence: { method: 'attested', by: 'crc32c', sha256 },
  });
  expect(world.target('two').bucket.objects.get('a')?.record).toMatchObject({
    ...{ sha256, size: 10, sourceVersion: version },
    checksums: { crc32c: expect.stringMatching(/^[0-9a-f]{8}$/) as string },
  });
});

test('a second pass over an unchanged set makes listing calls only', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', objects: 3, copied: 0, inPlace: 9 });
  // Unfinished uploads without a key are a directory on a disk; the clouds are not asked for them.
  const calls = (place: Place): number => place.count() - place.count('list-uploads');
  expect([world.source, ...world.targets].map((place) => [place.count('list'), calls(place)])).toEqual([
    ...[[1, 1]],
    ...[[1, 1]],
    ...[[1, 1]],
    ...[[1, 1]],
  ]);
});

test('an empty object is copied', async () => {
  await using world = await openWorld();
  world.source.write('empty', '');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', objects: 1, bytes: 0, copied: 3 });
  expect(world.target('one').text('empty')).toBe('');
});

test.each(['a//b', '../x', 'dot.', '\u{1F600}', 'z'.repeat(1024), ' ', '\uff01', 'a\nb', '\udc80'])(
  'the key %j is copied as it is',
  async (key) => {
    await using world = await openWorld();
    for (const other of ['\u{1F600}/x', '\uff01/x', 'A', 'zz']) world.source.write(other, other);
    world.source.write(key, 'x');
    expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 15 });
    expect(world.target('three').text(key)).toBe('x');
    expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0, inPlace: 15 });
  },
);

test('a changed object replaces its copies', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  world.source.write('a', 'new bytes');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3, inPlace: 6, held: 0 });
  expect(world.targets.map((place) => place.text('a'))).toEqual(['new bytes', 'new bytes', 'new bytes']);
  expect(await world.events('a')).toContain('overwritten');
});

test('an object that goes at the source keeps its copies', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  world.source.bucket.objects.delete('a');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', objects: 2, deleted: 0, failed: 0 });
  expect(await world.object('a')).toMatchObject({ state: 'gone' });
  expect(world.targets.map((place) => place.text('a'))).toEqual(Array(3).fill('bytes of a'));
  expect(world.count('delete', 'put')).toBe(0);
});

test('a copy of a gone object is repaired from another copy, and the object may come back', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  world.source.bucket.objects.delete('a');
  await world.reconcile();
  world.target('two').bucket.objects.delete('a');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', repaired: 1 });
  expect(world.target('two').text('a')).toBe('bytes of a');
  world.source.write('a', 'again');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', objects: 3, copied: 3 });
  expect(await world.object('a')).toMatchObject({ state: 'present' });
});

test('a copy that is missing at one target is repaired there, from one read', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  world.target('two').bucket.objects.delete('b/c');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0, repaired: 1, inPlace: 8 });
  expect(world.targets.map((place) => place.count('put'))).toEqual([0, 1, 0]);
  expect(world.target('two').text('b/c')).toBe('bytes of b/c');
  expect(await world.events('b/c')).toEqual(expect.arrayContaining(['missing', 'repaired']));
});

test('a copy overwritten behind our back is found and replaced', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  world.target('three').write('a', 'something');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', repaired: 1, inPlace: 8 });
  expect(world.target('three').text('a')).toBe('bytes of a');
});

test('a copy that was adopted and is overwritten with the same bytes is read and kept', async () => {
  await using world = await openWorld();
  world.source.write('a', 'bytes of a');
  for (const place of world.targets) place.write('a', 'bytes of a');
  await world.reconcile();
  world.target('three').write('a', 'bytes of a');
  world.forget();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0, repaired: 0, inPlace: 3 });
  expect([world.target('three').count('read'), world.count('put')]).toEqual([1, 0]);
  expect(await world.copy('a', 'three')).toMatchObject({ evidence: { method: 'read' } });
});

test('a copy of ours that lost its record is written anew, though its bytes are right', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  world.target('three').write('a', 'bytes of a');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 0, repaired: 1, inPlace: 8 });
  expect(world.target('three').bucket.objects.get('a')?.record).toMatchObject({ size: 10 });
  expect(await world.copy('a', 'three')).toMatchObject({ recorded: true });
});

test('a copy of ours whose attributes somebody changed is written anew, with those of the catalog', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  const copy = world.target('three').bucket.objects.get('a');
  if (copy === undefined) throw new Error('no copy');
  world.target('three').bucket.objects.set('a', { ...copy, attributes: { contentType: 'text/evil', metadata: {} } });
  world.source.bucket.objects.delete('a');
  expect(await world.reconcile({ deep: true })).toMatchObject({ repaired: 1 });
  expect(world.target('three').bucket.objects.get('a')?.attributes).toEqual({ metadata: {} });
});

test('right bytes without their record are kept where nothing else is left to copy from', async () => {
  await using world = await openWorld({ targets: { one: {} } });
  for (const key of ['a', 'b']) world.source.write(key, `bytes of ${key}`);
  await world.reconcile();
  world.source.bucket.objects.delete('a');
  await world.reconcile();
  world.target('one').write('a', 'bytes of a');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', repaired: 0 });
  expect(await world.copy('a')).toMatchObject({ state: 'verified', recorded: false });
});

test('--prefix looks at its keys only, at every place', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  for (const place of world.targets) place.bucket.objects.clear();
  world.source.write('b/new', 'x');
  world.source.write('new', 'x');
  expect(await world.reconcile({ prefix: 'b/' })).toMatchObject({ objects: 2, copied: 3, repaired: 3, failed: 0 });
  expect(world.target('one').keys()).toEqual(['b/c', 'b/new']);
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3, repaired: 6 });
});

test('a prefix that the policy has no key under concerns nothing', async () => {
  await using world = await openWorld({ policy: { prefix: 'users/' } });
  world.source.write('users/a', 'x');
  world.target('one').failWith('denied', 'put');
  expect(await world.reconcile()).toMatchObject({ outcome: 'incomplete', failed: 1 });
  world.target('one').heal();
  world.forget();
  const nothing = { outcome: 'complete', objects: 0, bytes: 0, copied: 0, inPlace: 0, failed: 0 };
  expect(await world.reconcile({ prefix: 'photos/' })).toMatchObject(nothing);
  expect(await world.reconcile({ prefix: 'photos/', dryRun: true })).toMatchObject(nothing);
  expect(world.count('put')).toBe(0);
});

test('keys that the policy leaves out are nobody’s business', async () => {
  await using world = await openWorld({ policy: { includes: (key) => !key.endsWith('.tmp') } });
  world.source.write('a', 'x');
  world.source.write('a.tmp', 'x');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', objects: 1, copied: 3 });
  expect(world.target('one').keys()).toEqual(['a']);
});

test('a dry run says what would be done and does none of it', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  world.source.write('new', 'x');
  world.source.write('a', 'changed');
  world.target('one').bucket.objects.delete('d');
  const before = await world.object('a');
  const report = await world.reconcile({ dryRun: true });
  expect(report).toMatchObject({ outcome: 'incomplete', objects: 4, copied: 6, repaired: 1, failed: 0 });
  expect([world.source, ...world.targets].flatMap((place) => place.calls.map((call) => call.operation))).toEqual(
    expect.not.arrayContaining(['put', 'start-upload', 'delete', 'read', 'head']),
  );
  expect(await world.object('a')).toEqual(before);
  await expect(world.object('new')).rejects.toThrow('no new');
  expect(await world.catalog.readPolicy('p')).toMatchObject({ hold: null });
});

test('a deep pass reads every copy back, finds a flipped bit and repairs it from the source', async () => {
  await using world = await openWorld();
  await threeObjects(world);
  world.target('two').flip('a');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', inPlace: 9, repaired: 0 });
  expect(world.target('two').text('a')).not.toBe('bytes of a');
  world.forget();
  expect(await world.reconcile({ deep: true })).toMatchObject({ outcome: 'complete', inPlace: 8, repaired: 1 });
  // Twice, before it counts as damage.
  expect(world.targets.map((place) => place.count('read'))).toEqual([3, 4, 3]);
  expect(world.target('two').text('a')).toBe('bytes of a');
  expect(await world.copy('b/c', 'three')).toMatchObject({ state: 'verified', evidence: { method: 'read' } });
});

test('policies that read every copy back take no attestation for it', async () => {
  await using world = await openWorld({ policy: { onCopy: 'read' } });
  world.source.write('a', 'x');
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete', copied: 3 });
  expect(world.targets.map((place) => place.count('read'))).toEqual([1, 1, 1]);
  expect(await world.copy('a')).toMatchObject({ evidence: { method: 'read', by: 'sha256' } });
});
