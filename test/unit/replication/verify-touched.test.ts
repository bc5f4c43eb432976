import { expect, test, vi } from 'vitest';
import type { AuditProblem } from '../../../src/replication/verify-report.ts';
import { verify } from '../../../src/replication/verify.ts';
import { openWorld } from '../../support/engine.ts';

test('damage is named although the source turns out to have been touched meanwhile', async () => {
  await using world = await openWorld({ targets: { one: {} }, source: { capabilities: { preciseTimes: true } } });
  world.source.write('k', 'as it was written');
  await world.reconcile();
  const sound = world.source.bucket.objects.get('k');
  if (sound === undefined) throw new Error('the source lost it');
  const { version } = world.source.bucket.write('k', sound);
  world.target('one').flip('k');
  world.target('one').before = async ({ operation }) => {
    if (operation !== 'read') return;
    await vi.waitFor(async () => expect(await world.object('k')).toMatchObject({ version }));
  };
  const problems: AuditProblem[] = [];
  const onProblem = (problem: AuditProblem): number => problems.push(problem);
  const options = { read: 1, onProblem, onProgress: () => undefined };
  const report = await verify(world.engine, world.policy, options, new AbortController().signal);
  expect(report).toMatchObject({ checked: 1, damaged: 1, changed: 0, source: { ok: 1 } });
  expect(problems).toMatchObject([{ key: 'k', provider: 'one', state: 'damaged' }]);
  expect(await world.copy('k')).toMatchObject({ state: 'damaged' });
});
