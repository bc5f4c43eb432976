import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';

async function deskWith(content: string = configOf(directories)): Promise<Desk> {
  const desk = await openDesk();
  await desk.write('holdfast.yaml', content);
  for (const name of ['one', 'two']) await mkdir(desk.at(name));
  return desk;
}

const c = ['-c', 'holdfast.yaml'];

test('reconcile copies, says so, and has nothing to do the second time', async () => {
  await using desk = await deskWith();
  await desk.write('source/a.txt', 'first');
  await desk.write('source/b/c.txt', 'second!');
  const { code, document } = await desk.json<{ policies: object[] }>('reconcile', ...c);
  expect(code).toBe(0);
  expect(document).toEqual({
    policies: [
      {
        ...{ policy: 'docs', outcome: 'complete', objects: 2, bytes: 12, copied: 4, bytesCopied: 24, inPlace: 0 },
        ...{ repaired: 0, deleted: 0, held: 0, failed: 0, reasons: [], ignored: 0 },
        durationMs: expect.any(Number) as number,
      },
    ],
  });
  expect(await readFile(desk.at('two/b/c.txt'), 'utf8')).toBe('second!');
  const again = await desk.run(['reconcile', 'docs', ...c]);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('docs: complete: 2 objects') as string });
  expect(again.stdout).toContain('4 in place');
});

test('status, inspect and the history of an object', async () => {
  await using desk = await deskWith();
  await desk.write('source/a.txt', 'first');
  await desk.run(['reconcile', ...c]);
  const status = await desk.json<object>('status', ...c);
  expect(status).toMatchObject({
    code: 0,
    document: {
      status: 'ok',
      reasons: [],
      policies: [
        {
          ...{ policy: 'docs', objects: 1, bytes: 5, safe: 1, pending: 0, failed: 0, damaged: 0, lost: 0, held: 0 },
          lagSeconds: expect.any(Number) as number,
          atRisk: { primary: 0, one: 0, two: 0 },
        },
      ],
    },
  });
  const { providers } = status.document as { providers: object[] };
  expect(providers).toEqual(['primary', 'one', 'two'].map((provider) => ({ provider, state: 'up', lastError: null })));
  const inspected = await desk.json<object>('inspect', 'docs', 'a.txt', ...c);
  const copy = { state: 'verified', evidence: { method: 'read', by: 'sha256' } };
  expect(inspected).toMatchObject({
    code: 0,
    document: { policy: 'docs', object: { key: 'a.txt', copies: [copy, copy] } },
  });
  expect(await desk.run(['inspect', 'docs', 'nothing', ...c])).toMatchObject({ code: 1, stdout: '' });
  expect(await desk.run(['inspect', 'nobody', 'a', ...c])).toMatchObject({ code: 2 });
  expect(await desk.run(['status', ...c])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('status: ok') as string,
  });
});

test('a dry run exits 1 where there is work, and does none', async () => {
  await using desk = await deskWith();
  await desk.write('source/a.txt', 'first');
  const { code, document } = await desk.json<{ policies: object[] }>('reconcile', '--dry-run', ...c);
  expect([code, document.policies[0]]).toMatchObject([1, { outcome: 'incomplete', objects: 1, copied: 2 }]);
  await expect(readFile(desk.at('one/a.txt'))).rejects.toThrow('ENOENT');
  expect(await desk.json('status', ...c)).toMatchObject({ document: { policies: [{ objects: 0 }] } });
});

test('the configuration is found by -c before and after the command, and by HOLDFAST_CONFIG', async () => {
  await using desk = await deskWith();
  expect(await desk.run([...c, 'reconcile'])).toMatchObject({ code: 0 });
  expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 0 });
  expect(await desk.run(['--config=holdfast.yaml', 'config', 'check'])).toMatchObject({ code: 0 });
  expect(await desk.run(['config', 'check'], { HOLDFAST_CONFIG: 'holdfast.yaml' })).toMatchObject({ code: 0 });
  const missing = await desk.run(['config', 'check']);
  expect(missing).toMatchObject({ code: 2, stdout: '' });
  expect(missing.stderr).toContain('config/holdfast.yaml');
});

test('config check shows what it comes to; config schema is JSON', async () => {
  await using desk = await deskWith();
  const check = await desk.run(['config', 'check', ...c]);
  expect(check).toMatchObject({ code: 0, stdout: expect.stringContaining('holdfast.yaml: ok') as string });
  expect(JSON.parse((await desk.run(['config', 'schema'])).stdout)).toMatchObject({ type: 'object' });
});

test.each([
  ['an unknown command', ['copy']],
  ['an unknown option', ['reconcile', '--fast']],
  ['an unknown policy', ['reconcile', 'nobody', ...c]],
  ['a missing argument', ['inspect', 'docs', ...c]],
  ['no command', []],
])('%s exits 2 and says so on stderr only', async (_, args) => {
  await using desk = await deskWith();
  const { code, stdout, stderr } = await desk.run(args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).not.toBe('');
  expect(stderr).not.toMatch(/at .*\.ts:\d+/);
});

test('a wrong configuration exits 2 and names the path in the file', async () => {
  await using desk = await deskWith(configOf(directories, 'limits: { memory: lots }'));
  for (const command of ['reconcile', 'status', 'daemon']) {
    const { code, stdout, stderr } = await desk.run([command, ...c]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('limits.memory');
  }
});

test('a target that is down: exit 1, the others are served, and status says which', async () => {
  await using desk = await deskWith(
    configOf({ one: directories.one, gone: '{ type: filesystem, path: ./nowhere/at/all }' }),
  );
  await desk.write('nowhere', 'a file where a directory must be');
  await desk.write('source/a.txt', 'first');
  const { code, document } = await desk.json<{ policies: { reasons: string[] }[] }>('reconcile', ...c);
  expect(code).toBe(1);
  expect(document.policies[0]).toMatchObject({ outcome: 'incomplete', copied: 1, failed: 1 });
  expect(document.policies[0]?.reasons).toEqual([expect.stringContaining('gone')]);
  expect(await readFile(desk.at('one/a.txt'), 'utf8')).toBe('first');
  const status = await desk.json<{ providers: object[] }>('status', ...c);
  expect(status).toMatchObject({ code: 1, document: { status: 'degraded' } });
  expect(status.document.providers).toContainEqual(expect.objectContaining({ provider: 'gone', state: 'down' }));
});

test('an emptied source is held: exit 3; a release lets it through: exit 0', async () => {
  await using desk = await deskWith();
  await desk.write('source/a.txt', 'first');
  await desk.run(['reconcile', ...c]);
  await rm(desk.at('source/a.txt'));
  expect(await desk.json('reconcile', ...c)).toMatchObject({
    code: 3,
    document: { policies: [{ outcome: 'held', held: 1 }] },
  });
  expect(await desk.run(['status', ...c])).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('HELD') as string,
  });
  expect(await desk.run(['release', 'docs', ...c])).toMatchObject({ code: 0 });
  expect(await desk.json('reconcile', ...c)).toMatchObject({ code: 0, document: { policies: [{ objects: 0 }] } });
  expect(await readFile(desk.at('one/a.txt'), 'utf8')).toBe('first');
});

test('a source that is not there any more is held, not taken for empty', async () => {
  await using desk = await deskWith();
  await desk.write('source/a.txt', 'first');
  await desk.run(['reconcile', ...c]);
  await rm(desk.at('source'), { recursive: true });
  const { code, stderr } = await desk.run(['reconcile', ...c]);
  expect(stderr).not.toMatch(/at .*\.ts:\d+/);
  expect([1, 3]).toContain(code);
  expect(await readFile(desk.at('one/a.txt'), 'utf8')).toBe('first');
});

test('a bit that flips in a copy on disk is found by --deep and repaired', async () => {
  await using desk = await deskWith();
  await desk.write('source/a.txt', 'first');
  await desk.run(['reconcile', ...c]);
  await writeFile(desk.at('two/a.txt'), 'fjrst');
  expect(await desk.json('reconcile', '--deep', ...c)).toMatchObject({
    code: 0,
    document: { policies: [{ outcome: 'complete', repaired: 1, inPlace: 1 }] },
  });
  expect(await readFile(desk.at('two/a.txt'), 'utf8')).toBe('first');
});

test('health without a daemon exits 1', async () => {
  await using desk = await deskWith(configOf(directories, 'http: { listen: 127.0.0.1:9 }'));
  expect(await desk.run(['health', ...c])).toMatchObject({
    ...{ code: 1, stdout: '' },
    stderr: expect.stringContaining('no daemon answers at http://127.0.0.1:9') as string,
  });
});

test('SIGINT during a reconcile exits 130, and the next run goes on at once', async () => {
  await using desk = await deskWith(configOf(directories, 'limits: { bandwidth: 1MiB/s }'));
  for (let n = 0; n < 8; n += 1) await desk.write(`source/${n}`, Buffer.alloc(2 * 1024 ** 2, n + 1));
  const running = desk.start(['reconcile', ...c, '--log-level', 'debug']);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(await running.signal('SIGINT')).toMatchObject({ code: 130, stdout: '' });
  await desk.write('holdfast.yaml', configOf(directories));
  // A lease lasts longer than this test may.
  expect(await desk.run(['reconcile', ...c])).toMatchObject({ code: 0 });
});

test('who stops reading early stops no work, and the exit status tells of the work', async () => {
  await using desk = await deskWith();
  await desk.write('source/a.txt', 'first');
  const reconcile = desk.start(['reconcile', ...c]);
  reconcile.child.stdout?.destroy();
  expect(await reconcile.ended).toMatchObject({ code: 0, stderr: '' });
  expect(await readFile(desk.at('two/a.txt'), 'utf8')).toBe('first');
  const manifest = desk.start(['manifest', ...c]);
  manifest.child.stderr?.destroy();
  expect(await manifest.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('a.txt\t5\t') as string });
});
