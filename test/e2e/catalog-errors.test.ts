import { mkdir, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';

type Spoil = (desk: Desk) => Promise<void> | void;

const spoilt: readonly [string, Spoil, RegExp][] = [
  ['of a newer program', raiseSchema, /has schema 99; .* run that one, or give this one another catalog/],
  ['no database', async (desk) => await desk.write('catalog.db', 'x'.repeat(10_000)), /holdfast rebuild-catalog/],
  ['a directory', makeDirectory, /Check that `catalog` names a file/],
];

test.each(spoilt)('a catalog that is %s: exit status 2, and only what to do about it', async (_, spoil, advice) => {
  await using desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(directories));
  await desk.write('source/a', 'x');
  expect((await desk.run(['reconcile', '-c', 'holdfast.yaml'])).code).toBe(0);
  await spoil(desk);
  for (const command of ['reconcile', 'status', 'daemon']) {
    const { code, stdout, stderr } = await desk.run([command, '-c', 'holdfast.yaml', '--log-level', 'error']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(/^holdfast: Catalog .*catalog\.db/)]);
    expect(stderr).toMatch(advice);
  }
});

test('status with a configuration that lacks a target does not unlearn the copies there', async () => {
  await using desk = await openDesk();
  await desk.write('whole.yaml', configOf(directories));
  await desk.write('less.yaml', configOf({ one: directories.one }));
  await desk.write('source/a', 'x');
  expect((await desk.run(['reconcile', '-c', 'whole.yaml'])).code).toBe(0);
  const less = await desk.json<Asked>('status', '-c', 'less.yaml');
  expect(Object.keys(less.document.policies[0]?.copies ?? {})).toEqual(['one']);
  expect((await desk.run(['reconcile', '--dry-run', '-c', 'less.yaml'])).code).toBe(0);
  const whole = await desk.json<Asked>('status', '-c', 'whole.yaml');
  expect(whole).toMatchObject({ code: 0, document: { policies: [{ copies: { two: { verified: 1 } } }] } });
  expect((await desk.run(['reconcile', '-c', 'less.yaml'])).code).toBe(0);
  const forgotten = await desk.json<Asked>('status', '-c', 'whole.yaml');
  expect(forgotten).toMatchObject({ code: 1, document: { policies: [{ copies: { two: { pending: 1 } } }] } });
});

interface Asked {
  readonly policies: readonly { readonly copies: Readonly<Record<string, object>> }[];
}

function raiseSchema(desk: Desk): void {
  using db = new DatabaseSync(desk.at('catalog.db'));
  db.exec('pragma user_version = 99');
}

async function makeDirectory(desk: Desk): Promise<void> {
  for (const ending of ['', '-wal', '-shm']) await rm(desk.at(`catalog.db${ending}`), { force: true });
  await mkdir(desk.at('catalog.db'));
}
