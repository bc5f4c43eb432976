import { rename } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { formatJson, formatKey, formatLines, formatWords } from '../../src/cli/format.ts';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';

/** Clears the screen, begins a line of its own, and turns the direction of the text. */
const evil = 'evil\u001b[2J\nforged: all is well\u009b2J\u202e';

/** Every copy is damaged. */
async function deskWithEvil(): Promise<Desk> {
  const desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(directories));
  await desk.write(`source/${evil}`, 'content');
  expect((await desk.run(['-c', 'holdfast.yaml', 'reconcile'])).code).toBe(0);
  for (const place of ['one', 'two']) await desk.write(`${place}/${evil}`, 'damaged');
  return desk;
}

/** And the catalog holds what providers said of it, so that `status` names it too. */
function noteWords(desk: Desk): void {
  using catalog = new DatabaseSync(desk.at('catalog.db'));
  catalog
    .prepare(`update copies set state = 'failed', due_at = 1, error_code = 'denied', error_message = ?`)
    .run(`no: ${evil}`);
  const reasons = `update policies set last_pass = json_set(last_pass, '$.outcome', 'incomplete', '$.reasons', json_array(?))`;
  catalog.prepare(reasons).run(`because: ${evil}`);
}

const commands = [
  ['verify', '--deep'],
  ['status'],
  ['inspect', 'docs', evil],
  ['inspect', 'docs', `no ${evil}`],
  ['restore', '--to-dir', 'back', '--from', 'one'],
];

test('no key steers the terminal or forges a line, wherever it is named', async () => {
  await using desk = await deskWithEvil();
  for (const args of commands) {
    if (args[0] === 'status') noteWords(desk);
    for (const json of [[], ['--json']]) {
      const { stdout, stderr } = await desk.run(['-c', 'holdfast.yaml', '--log-level', 'error', ...args, ...json]);
      const said = stdout + stderr;
      expect({ args, said }).toMatchObject({ said: expect.stringContaining('evil') as string });
      expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(said).not.toMatch(/^forged/m);
      if (stdout.startsWith('{')) expect(JSON.stringify(JSON.parse(stdout))).toContain('evil');
    }
  }
  await rename(desk.at('catalog.db'), desk.at('lost.db'));
  const rebuilt = await desk.run(['-c', 'holdfast.yaml', 'rebuild-catalog', '--deep', '--no-snapshot']);
  expect(rebuilt.stderr).toContain('evil\\u{1b}[2J\\u{a}forged');
});

test('what is unprintable is shown, and JSON stays what it is', () => {
  const shown = 'evil\\u{1b}[2J\\u{a}forged: all is well\\u{9b}2J\\u{202e}';
  expect(formatKey(evil)).toBe(shown);
  expect(formatWords(`no ${evil}`)).toBe(`no ${shown}`);
  expect(formatLines(`no ${evil}`)).toBe(`no ${shown.replace('\\u{a}', '\n')}`);
  expect(formatJson({ key: evil })).not.toMatch(/[\u009b\u202e]/);
  expect(JSON.parse(formatJson({ key: evil, list: [1, evil] }))).toEqual({ key: evil, list: [1, evil] });
});
