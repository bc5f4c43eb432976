import { rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { configOf, openDesk } from '../support/cli.ts';

const c = ['-c', 'holdfast.yaml'];
const targets = {
  one: '{ type: filesystem, path: ./one, domain: { operator: acme, region: north } }',
  two: '{ type: filesystem, path: ./two, domain: { operator: acme } }',
};

interface Reports {
  readonly policies: readonly { readonly newestLossSeconds: number | null }[];
}

test('whatif: from "nothing would be lost" to what would, by name and by failure domain', async () => {
  await using desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(targets));
  await desk.write('source/a.txt', 'first');
  const before = await desk.json<Reports>('whatif', '--lose', 'primary', ...c);
  const unseen = { policy: 'docs', asOfSeconds: null, lost: 0, left: {} };
  expect(before).toMatchObject({ code: 1, document: { policies: [unseen] } });
  expect((await desk.run(['whatif', '--lose', 'primary', ...c])).stdout).not.toContain('nothing would be lost');
  await desk.run(['reconcile', ...c]);

  const safe = await desk.run(['whatif', '--lose', 'operator=ACME', ...c]);
  expect(safe).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing would be lost') as string });
  expect(safe.stdout).toContain('left: 1 with the source only');
  expect(await desk.json('whatif', '--lose', 'region=north', 'primary', ...c)).toMatchObject({
    ...{ code: 0, document: { policies: [{ lose: ['primary', 'one'], left: { 1: 1 }, belowMinCopies: 0 }] } },
  });

  const all = await desk.json<Reports>('whatif', '--lose', 'operator=acme', '--lose', 'primary', ...c);
  expect(all).toMatchObject({ code: 1, document: { policies: [{ policy: 'docs', lost: 1, lostBytes: 5 }] } });
  expect(all.document.policies[0]?.newestLossSeconds).toBeGreaterThanOrEqual(0);
  const human = await desk.run(['whatif', '--lose', 'operator=acme', 'primary', ...c]);
  expect(human).toMatchObject({ code: 1, stdout: expect.stringContaining('LOST: 1 objects (5 B)') as string });

  await rm(desk.at('two'), { recursive: true });
  await writeFile(desk.at('two'), 'a file where the directory was');
  await desk.write('source/b.txt', 'second');
  await rm(desk.at('one'), { recursive: true });
  await writeFile(desk.at('one'), 'a file where the directory was');
  await desk.run(['reconcile', ...c]);
  const status = await desk.json<{ policies: { atRisk: object }[] }>('status', ...c);
  expect(status.document.policies[0]?.atRisk).toEqual({ primary: 1, one: 0, two: 0 });
  expect((await desk.run(['status', ...c])).stdout).toMatch(/primary \(source\) +1$/m);
});

test.each([
  ['an unknown provider', ['whatif', '--lose', 'three'], 'there is: primary, one, two'],
  ['an unknown domain', ['whatif', '--lose', 'operator=acmee'], 'did you mean `operator=acme`'],
  ['no provider', ['whatif'], '--lose'],
])('whatif with %s exits 2 and says what there is', async (_, args, says) => {
  await using desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(targets));
  const { code, stdout, stderr } = await desk.run([...args, ...c]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(says);
});

test('config check warns of copies with the same operator, and is content all the same', async () => {
  await using desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(targets));
  const check = await desk.run(['config', 'check', ...c]);
  expect(check).toMatchObject({ code: 0, stdout: expect.stringContaining('operator: acme') as string });
  expect(check.stderr).toContain('one and two have the operator acme in common');
  expect((await desk.run(['status', ...c])).stderr).not.toContain('in common');
});
