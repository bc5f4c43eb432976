import { readFile, rm } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { configOf, directories, openDesk, type Desk, type Running } from '../support/cli.ts';

const c = ['-c', 'holdfast.yaml'];

interface Daemon {
  readonly running: Running;
  get(path: string, init?: RequestInit): Promise<{ readonly status: number; readonly body: string }>;
}

async function startDaemon(desk: Desk, more = ''): Promise<Daemon> {
  await desk.write('holdfast.yaml', configOf(directories, more));
  const running = desk.start(['daemon', ...c]);
  const [, port = ''] = await running.says(/:(\d+)\/health/);
  return {
    running,
    get: async (path, init) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
      return { status: response.status, body: await response.text() };
    },
  };
}

async function copied(desk: Desk, name: string): Promise<string> {
  return await vi.waitFor(async () => await readFile(desk.at(name), 'utf8'), { timeout: 20_000, interval: 50 });
}

test('the daemon copies what is dropped, repairs what goes, tells of it, and drains on SIGTERM', async () => {
  await using desk = await openDesk();
  await desk.write('source/first.txt', 'there before');
  const { running, get } = await startDaemon(desk);
  expect(await copied(desk, 'two/first.txt')).toBe('there before');
  await desk.write('source/dropped.txt', 'there after');
  expect(await copied(desk, 'one/dropped.txt')).toBe('there after');
  await rm(desk.at('two/first.txt'));
  expect(await copied(desk, 'two/first.txt')).toBe('there before');

  expect(await get('/healthz')).toEqual({ status: 200, body: '{"status":"ok"}' });
  expect(await get('/readyz')).toMatchObject({ status: 200 });
  await vi.waitFor(async () => expect(JSON.parse((await get('/health')).body)).toMatchObject({ status: 'ok' }), {
    timeout: 20_000,
  });
  const status = JSON.parse((await get('/api/v1/status')).body) as object;
  expect(status).toMatchObject({
    policies: [{ policy: 'docs', objects: 2, safe: 2, copies: { one: { verified: 2 } } }],
  });
  const metrics = await get('/metrics');
  expect(metrics.status).toBe(200);
  expect(metrics.body).toMatch(/^holdfast_\w*lag_seconds\{policy="docs"\} \d/m);
  expect(metrics.body).toMatch(/^holdfast_\w*\{[^}]*policy="docs"[^}]*target="one"[^}]*\} 2$/m);

  // Beside it, a pass by hand does no work twice and says that all is in place.
  expect(await desk.json('reconcile', ...c)).toMatchObject({
    code: 0,
    document: { policies: [{ objects: 2, failed: 0 }] },
  });
  const { code, stdout, stderr } = await running.signal('SIGTERM');
  expect([code, stdout]).toEqual([0, '']);
  expect(stderr).toContain('drained');
});

test('a reconcile can be asked for over HTTP; unknown policies and routes are 404', async () => {
  await using desk = await openDesk();
  const { get, running } = await startDaemon(desk);
  const post = { method: 'POST' };
  expect(await get('/api/v1/reconcile', post)).toEqual({ status: 202, body: '{"policies":["docs"]}' });
  expect(await get('/api/v1/reconcile?policy=docs', post)).toMatchObject({ status: 202 });
  expect(await get('/api/v1/reconcile?policy=nobody', post)).toMatchObject({ status: 404 });
  expect(await get('/api/v1/nothing')).toMatchObject({ status: 404 });
  expect(await running.signal('SIGINT')).toMatchObject({ code: 0 });
});

test('with a token, what changes or reveals data asks for it, and health does not', async () => {
  await using desk = await openDesk();
  const { get } = await startDaemon(desk, 'http: { listen: 127.0.0.1:0, token: s3cret }');
  const given = (authorization: string): RequestInit => ({ headers: { authorization } });
  expect(await get('/api/v1/status')).toMatchObject({ status: 401 });
  expect(await get('/api/v1/status', given('Bearer wrong'))).toMatchObject({ status: 401 });
  expect(await get('/api/v1/status', given('s3cret'))).toMatchObject({ status: 401 });
  expect(await get('/api/v1/reconcile', { method: 'POST' })).toMatchObject({ status: 401 });
  expect(await get('/api/v1/status', given('Bearer s3cret'))).toMatchObject({ status: 200 });
  for (const open of ['/healthz', '/readyz', '/health', '/metrics']) expect((await get(open)).status).toBe(200);
});

test('without a token and not on loopback, those routes are refused', async () => {
  await using desk = await openDesk();
  const { get } = await startDaemon(desk, "http: { listen: '0.0.0.0:0' }");
  expect(await get('/api/v1/status')).toMatchObject({
    status: 403,
    body: expect.stringContaining('http.token') as string,
  });
  expect(await get('/api/v1/reconcile', { method: 'POST' })).toMatchObject({ status: 403 });
  expect(await get('/healthz')).toMatchObject({ status: 200 });
});
