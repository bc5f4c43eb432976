import { execFile } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { compareKeys } from '../../src/objects/key.ts';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';

const run = promisify(execFile);
const c = ['-c', 'holdfast.yaml'];
const names = [
  'photos/a.jpg',
  'a',
  'a b',
  '#hash',
  '-dash',
  'a\\b',
  'new\nline',
  'tab\there',
  'cr\rhere',
  'ends in cr\r',
  'ü',
  '\u{1f600}',
  '\uff01',
  `${'a'.repeat(64)}  b`,
];

async function deskWithCopies(): Promise<Desk> {
  const desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(directories));
  for (const name of names) await desk.write(`source/${name}`, `the bytes of ${name}`);
  await writeFile(Buffer.from(desk.at('source/\xff\xfe'), 'latin1'), 'no UTF-8');
  expect((await desk.run(['reconcile', ...c])).code).toBe(0);
  return desk;
}

async function snapshotAt(desk: Desk, target: string): Promise<string> {
  const root = desk.at(target, '.holdfast', 'catalog');
  const [catalog = ''] = await readdir(root);
  const times = await readdir(join(root, catalog));
  return join(root, catalog, times.toSorted(compareKeys).at(-1) ?? '');
}

/** The commands of the documentation, in order. */
async function documented(): Promise<readonly string[]> {
  const text = await readFile(resolve(import.meta.dirname, '../../MANIFEST.md'), 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);
}

async function bash(block: string, cwd: string, snapshot: string): Promise<string> {
  const env = { PATH: process.env['PATH'] ?? '', snapshot, older: snapshot };
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', block], { cwd, env });
  return stdout;
}

test('the commands of MANIFEST.md check a set of odd keys with coreutils alone, and find what was changed', async () => {
  await using desk = await deskWithCopies();
  const snapshot = await snapshotAt(desk, 'two');
  const [files = '', objects = '', lookUp = '', compare = '', merkle = '', catalog = '', ...others] =
    await documented();
  expect(others).toEqual([]);
  expect(await bash(files, snapshot, snapshot)).toBe('docs.tsv: OK\ndocs.sha256: OK\ncatalog.db.gz: OK\n');
  for (const place of ['one', 'two', 'source']) expect(await bash(objects, desk.at(place), snapshot)).toBe('');
  const [count, found] = (await bash(lookUp, snapshot, snapshot)).split('\n');
  expect(Number(count)).toBe(names.length + 1);
  expect(found?.split('\t')).toEqual([
    'photos/a.jpg',
    '25',
    expect.any(String),
    expect.any(String),
    expect.any(String),
    'present',
  ]);
  expect(await bash(compare, snapshot, snapshot)).toBe('');
  const sums = await readFile(join(snapshot, 'SHA256SUMS'), 'utf8');
  const root = (await bash(merkle, snapshot, snapshot)).trim();
  expect(sums).toContain(`# docs: 15 objects, `);
  expect(sums).toContain(`Merkle root ${root}\n`);
  expect(await bash(catalog, snapshot, snapshot)).toBe('');
  await writeFile(desk.at('one/new\nline'), 'the BYTES of new\nline');
  await expect(bash(objects, desk.at('one'), snapshot)).rejects.toMatchObject({
    stdout: expect.stringContaining('FAILED') as string,
  });
});

interface Checked {
  readonly policies: readonly { readonly problems: readonly { readonly key: string; readonly state: string }[] }[];
}

test('verify --manifest compares a target with a manifest, without a catalog', async () => {
  await using desk = await deskWithCopies();
  const printed = await desk.run(['manifest', '--out', 'docs.tsv', ...c]);
  const [, root] = /Merkle root ([0-9a-f]{64})/.exec(printed.stderr) ?? [];
  await desk.run(['manifest', 'docs', '--format', 'sha256', '--out', 'docs.sha256', ...c]);
  await rm(desk.at('catalog.db'));
  await rm(desk.at('source'), { recursive: true });
  const good = await desk.json<object>('verify', '--manifest', 'docs.tsv', ...c);
  const counts = { checked: 30, ok: 30, missing: 0, damaged: 0, unexpected: 0 };
  expect(good).toMatchObject({ code: 0, document: { policies: [{ ...counts, manifest: { merkleRoot: root } }] } });
  const bySums = await desk.json<object>('verify', '--manifest', 'docs.sha256', ...c);
  expect(bySums).toMatchObject({ code: 0, document: { policies: [counts] } });
  expect(await readdir(desk.directory)).not.toContain('catalog.db');
  await writeFile(desk.at('one/a'), 'The bytes of a');
  await rm(desk.at('one/ü'));
  await writeFile(desk.at('one/stray'), 'x');
  const { code, document } = await desk.json<Checked>('verify', '--manifest', 'docs.tsv', '--target', 'one', ...c);
  expect([code, document]).toMatchObject([
    1,
    { policies: [{ checked: 15, ok: 13, missing: 1, damaged: 1, unexpected: 1 }] },
  ]);
  const found = document.policies[0]?.problems.map(({ key, state }) => `${key} ${state}`).toSorted(compareKeys);
  expect(found).toEqual(['a damaged', 'stray unexpected', 'ü missing']);
  await writeFile(desk.at('cut.tsv'), (await readFile(desk.at('docs.tsv'))).subarray(0, -20));
  const cut = await desk.run(['verify', '--manifest', 'cut.tsv', ...c]);
  expect(cut).toMatchObject({ code: 2, stderr: expect.stringContaining('not whole') as string });
});
