import { expect, test } from 'vitest';
import { openWorld } from '../../support/engine.ts';

test('a source that becomes another version and the same again during a repair from a copy: the work goes on', async () => {
  await using world = await openWorld({ targets: { one: {}, two: {} } });
  world.source.write('a', 'bytes');
  await world.reconcile();
  const { id, version, size, modifiedAt } = await world.object('a');
  world.target('one').bucket.objects.delete('a');
  world.source.failWith('unavailable', 'read', 'head');
  world.target('one').after = async ({ operation }) => {
    if (operation !== 'put') return;
    world.target('one').heal();
    for (const object of [
      { version: 'other', size, modifiedAt },
      { version, size, modifiedAt },
    ]) {
      await world.catalog.record('p', [{ kind: 'overwritten', id, object, asOf: world.clock.now() }]);
      await world.catalog.decideObserved('p', 'apply');
    }
  };
  await world.reconcile();
  expect(await world.events('a')).toContain('outdated');
  expect(await world.object('a')).toMatchObject({ version, sha256: null });
  world.source.heal();
  expect(await world.reconcile()).toMatchObject({ outcome: 'complete' });
  expect(await world.copy('a')).toMatchObject({ state: 'verified' });
});
