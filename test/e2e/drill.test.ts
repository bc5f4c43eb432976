import { mkdir, rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';
import { openWorld } from '../support/damage-world.ts';

const c = ['-c', 'holdfast.yaml'];

async function deskWithCopies(): Promise<Desk> {
  const desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(directories));
  for (const name of ['one', 'two']) await mkdir(desk.at(name));
  for (const name of ['a.txt', 'b.txt', 'c/d.txt']) await desk.write(`source/${name}`, `bytes of ${name}`);
  expect((await desk.run(['reconcile', ...c])).code).toBe(0);
  return desk;
}

interface Drilled {
  readonly policies: readonly { readonly policy: string; readonly drills: Readonly<Record<string, object>> }[];
}

interface Health {
  readonly status: string;
  readonly reasons: readonly string[];
}

test('drill by hand: from each target alone, with the source gone; damage and loss fail it', async () => {
  await using desk = await deskWithCopies();
  await rm(desk.at('source'), { recursive: true });
  const good = await desk.json<Drilled>('drill', ...c);
  expect(good.code).toBe(0);
  const ok = { outcome: 'ok', objects: 3, failed: 0, failures: [], bytes: 44 };
  expect(good.document.policies).toMatchObject([{ policy: 'docs', drills: { one: ok, two: ok } }]);

  await writeFile(desk.at('one/a.txt'), 'bytes of A.txt');
  await rm(desk.at('one/c/d.txt'));
  const bad = await desk.json<Drilled>('drill', 'docs', '--target', 'one', ...c);
  expect(bad.code).toBe(1);
  const drills = { one: { outcome: 'failed', objects: 3, failed: 2, failures: [{}, {}] } };
  expect(bad.document.policies).toMatchObject([{ policy: 'docs', drills }]);
  expect(bad.document.policies[0]?.drills).not.toHaveProperty('two');
  const status = await desk.run(['status', ...c]);
  expect(status.code).toBe(1);
  expect(status.stdout).toMatch(/docs: the drill at one failed: 2 of 3 objects could not be restored from it alone/);
  expect(status.stdout).toMatch(/drill at one: last succeeded .*; the latest: 1 of 3 objects restored/);
  expect(status.stdout).toMatch(/FAILED: /);
  expect(status.stdout).toMatch(/drill at two: last succeeded .*; the latest: 3 of 3 objects restored/);
  expect(await desk.run(['drill', '--target', 'nowhere', ...c])).toMatchObject({ code: 2 });
});

test('the daemon drills by itself, and health and metrics tell of it', async () => {
  await using desk = await deskWithCopies();
  const daily = configOf(directories).replace('targets:', 'drill: { every: 1d }, targets:');
  await desk.write('holdfast.yaml', daily);
  const daemon = desk.start(['daemon', ...c]);
  const [url = ''] = await daemon.says(/http:\/\/127\.0\.0\.1:\d+/);
  await daemon.says(/the drill succeeded[^]*the drill succeeded/);
  const health = (await (await fetch(`${url}/health`)).json()) as Health;
  expect(health).toMatchObject({ policies: [{ drills: { one: { failed: 0, objects: 3 }, two: { objects: 3 } } }] });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/holdfast_drills_total\{policy="docs",target="one",outcome="ok"\} 1/);
  expect(metrics).toMatch(/holdfast_drill_last_success_timestamp_seconds\{policy="docs",target="two"\} \d/);
  expect(metrics).toMatch(/holdfast_recovery_seconds\{policy="docs",target="one"\} \d/);
});

test('from every real server alone: large and odd objects come back, and silent damage fails it', async () => {
  await using world = await openWorld({});
  const { desk, sites } = world;
  const large = Buffer.alloc(20 * 1024 * 1024, 'large');
  const victim = Buffer.from('the bytes of the victim');
  await desk.write('source/large', large);
  await desk.write('source/vic/tim', victim);
  await desk.write('source/vic/tim.more', 'its neighbour in the listing');
  await desk.write('source/empty', '');
  await desk.write('source/ümläut 🙂', 'odd');
  expect((await desk.run(['reconcile', ...c])).code).toBe(0);
  const good = await desk.json<Drilled>('drill', ...c);
  const each = (drill: object): object => Object.fromEntries(sites.map(({ name }) => [name, drill]));
  expect(good.document.policies).toMatchObject([{ drills: each({ outcome: 'ok', objects: 5, failed: 0 }) }]);
  expect(good.code).toBe(0);
  const flipped = Buffer.from(victim);
  flipped.writeUInt8(flipped.readUInt8(3) ^ 1, 3);
  for (const { vandals } of sites) await vandals.silent.write('vic/tim', flipped, victim);
  const bad = await desk.json<Drilled>('drill', ...c);
  const failures = [{ key: 'vic/tim', code: 'checksum-mismatch' }];
  expect(bad.document.policies).toMatchObject([{ drills: each({ outcome: 'failed', failed: 1, failures }) }]);
  expect(bad.code).toBe(1);
}, 120_000);
