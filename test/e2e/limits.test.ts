import { readFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { configOf, directories, openDesk, type Desk } from '../support/cli.ts';
import { FakeS3 } from '../support/fake-s3/fake-s3.ts';
import { outageKinds, runOutage } from '../support/outage.ts';

const limited = { ...directories, one: '{ type: filesystem, path: ./one, limits: { bandwidth: 1KiB/s } }' };

async function untilThere(desk: Desk, ...names: string[]): Promise<void> {
  for (const name of names)
    await vi.waitFor(async () => await readFile(desk.at(name)), { timeout: 30_000, interval: 50 });
}

test('limits change by SIGHUP without losing work; a wrong file changes nothing, and health says so until it is mended', async () => {
  await using desk = await openDesk();
  await desk.write('holdfast.yaml', configOf(limited));
  for (const key of ['a', 'b', 'c']) await desk.write(`source/${key}`, Buffer.alloc(300 * 1024, key));
  const running = desk.start(['daemon', '-c', 'holdfast.yaml']);
  const [, port = ''] = await running.says(/:(\d+)\/health/);
  const reasons = async (): Promise<string> => await (await fetch(`http://127.0.0.1:${port}/health`)).text();
  // The other target is not held up by the one that needs five minutes for each object.
  await untilThere(desk, 'two/a', 'two/b', 'two/c');

  await desk.write(
    'holdfast.yaml',
    configOf({ ...limited, one: '{ type: filesystem, path: ./one, limits: { x: 1 } }' }),
  );
  running.child.kill('SIGHUP');
  await running.says(/stays as it was.*found an unknown key/s);
  expect(await reasons()).toMatch(/stays as it was.*providers\.one\.limits\.x/s);
  await desk.write('holdfast.yaml', configOf(directories, 'shutdown: { drain: 1m }'));
  running.child.kill('SIGHUP');
  await running.says(/need a restart to take effect: shutdown\.drain/);
  await untilThere(desk, 'one/a', 'one/b', 'one/c');
  expect(await reasons()).not.toContain('stays as it was');
  expect(await running.signal('SIGTERM')).toMatchObject({ code: 0 });
});

test('what cannot be done is listed with its code, page by page, and holds up nothing else', async () => {
  await using desk = await openDesk();
  await using server = await new FakeS3().listen();
  const one = `{ type: s3, bucket: bucket, region: us-east-1, endpoint: '${server.access.endpoint}', forcePathStyle: true, credentials: { accessKeyId: a, secretAccessKey: b } }`;
  await desk.write('holdfast.yaml', configOf({ ...directories, one }));
  for (const key of ['deep/a', 'deep/b', 'fine']) await desk.write(`source/${key}`, 'x');
  // As a lock on the object answers, or a policy of the bucket.
  server.inject({ match: { method: 'PUT', keyPattern: /^deep/ }, fault: { status: 403, code: 'AccessDenied' } });
  const running = desk.start(['daemon', '-c', 'holdfast.yaml']);
  const [, port = ''] = await running.says(/:(\d+)\/health/);
  const page = async (query: string): Promise<Page> =>
    (await (await fetch(`http://127.0.0.1:${port}/api/v1/problems?policy=docs${query}`)).json()) as Page;
  await untilThere(desk, 'two/deep/a', 'two/deep/b', 'two/fine');
  await vi.waitFor(async () => {
    const { copies } = await page('');
    expect(copies.map(({ key, target }) => [key, target])).toEqual([
      ['deep/a', 'one'],
      ['deep/b', 'one'],
    ]);
    for (const { state, code, nextAttemptAt } of copies)
      expect([state, code, typeof nextAttemptAt]).toEqual(['failed', 'denied', 'number']);
  }, 20_000);
  const first = await page('&limit=1');
  expect(first.copies.map(({ key }) => key)).toEqual(['deep/a']);
  const second = await page(`&limit=1&after=${first.next}`);
  expect([second.copies.map(({ key }) => key), second.next]).toEqual([['deep/b'], null]);
  for (const [query, status] of [
    ['policy=nobody', 404],
    ['policy=docs&limit=0', 400],
  ] as const)
    expect((await fetch(`http://127.0.0.1:${port}/api/v1/problems?${query}`)).status).toBe(status);
});

interface Page {
  readonly copies: readonly {
    readonly key: string;
    readonly target: string;
    readonly state: string;
    readonly code: string | null;
    readonly nextAttemptAt: number | null;
  }[];
  readonly next: string | null;
}

test.each(outageKinds)(
  'one of four targets is %s for a while: the others go on, and it catches up',
  async (kind) => {
    const report = await runOutage({ kind, seconds: 2, calm: 1, rate: 5, size: 1_000, large: 9 * 1024 ** 2 });
    expect(report).toMatchObject({ objects: 20, fourth: 20, outage: { copies: 30 } });
    expect([report.before.copies, report.after.copies]).toEqual([15, 15]);
  },
  120_000,
);
