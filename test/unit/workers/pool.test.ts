import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readdir, readFile, rm } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { openSqliteCatalog } from '../../../src/catalog/sqlite/open.ts';
import { systemClock } from '../../../src/objects/clock.ts';
import type { Tally } from '../../../src/replication/tally.ts';
import { Worker } from '../../../src/replication/worker.ts';
import { silentLog, type Log } from '../../../src/telemetry/log.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { bytesOf } from '../../support/bytes.ts';
import { FakeS3 } from '../../support/fake-s3/fake-s3.ts';
import {
  hurried,
  idleWorker,
  openRoom,
  outstanding,
  pass,
  patience,
  poolOf,
  small,
} from '../../support/thread-room.ts';

const calm = new AbortController().signal;

test('threads do all the work there is, read everything once, and count what they did', async () => {
  const objects = small(300);
  await using place = await openRoom('{ workers: 3 }', objects);
  await using pool = poolOf(place);
  const worker = idleWorker(place);
  const stop = new AbortController();
  const assisting = pool.assist(worker, stop.signal, calm);
  await vi.waitFor(async () => expect(await outstanding(place)).toMatchObject({ due: 0, leased: 0 }), patience);
  expect(pool.size).toBe(3);
  stop.abort();
  await assisting;
  const bytes = Object.values(objects).reduce((sum, { length }) => sum + length, 0);
  expect(worker.tally).toMatchObject({ copied: 600, bytesCopied: 2 * bytes, bytesRead: bytes, failures: 0 });
  for (const target of ['one', 'two'])
    for (const [key, content] of Object.entries(objects))
      expect(await readFile(place.at(`${target}/${key}`))).toEqual(Buffer.from(content));
});

test('what happens in threads is seen in the metrics of the process', async () => {
  await using place = await openRoom('{ workers: 2 }', small(5));
  const metrics = createMetrics({ version: 'test', process: false });
  await using pool = poolOf(place, { metrics });
  const stop = new AbortController();
  const assisting = pool.assist(idleWorker(place), stop.signal, calm);
  await vi.waitFor(async () => expect(await outstanding(place)).toMatchObject({ due: 0, leased: 0 }), patience);
  stop.abort();
  await assisting;
  const { body } = await metrics.render();
  expect(body).toMatch(/^holdfast_copies_total\{policy="p",target="one",outcome="copied"\} 5$/m);
  expect(body).toMatch(
    /^holdfast_provider_request_duration_seconds_count\{provider="two",operation="put",outcome="ok"\} 5$/m,
  );
});

test('where one thread is enough none joins', async () => {
  await using place = await openRoom('{ workers: 4, concurrency: 1 }', small(5));
  await using pool = poolOf(place);
  const stop = new AbortController();
  const assisting = pool.assist(idleWorker(place), stop.signal, calm);
  await new Promise((resolve) => setTimeout(resolve, 200));
  stop.abort();
  await assisting;
  expect(pool.size).toBe(1);
  expect(await readdir(place.at('one'))).not.toContain('k0');
});

test('one that has nothing to do leaves, and the limits are dealt out anew', async () => {
  await using place = await openRoom('{ workers: 2, concurrency: 10 }', small(5));
  let load = 1;
  await using pool = poolOf(place, { pace: { ...hurried, idleAtMost: 2_000, utilization: () => load } });
  const { concurrency } = place.replicator.limits;
  const stop = new AbortController();
  const assisting = pool.assist(idleWorker(place), stop.signal, calm);
  await vi.waitFor(() => expect([pool.size, concurrency.value]).toEqual([2, 5]), patience);
  load = 0;
  await vi.waitFor(() => expect([pool.size, concurrency.value]).toEqual([1, 10]), patience);
  expect(await outstanding(place)).toMatchObject({ due: 0, leased: 0 });
  stop.abort();
  await assisting;
});

test('a changed limit that leaves no share for a thread ends it', async () => {
  await using place = await openRoom('{ workers: 2, concurrency: 10 }', small(5));
  await using pool = poolOf(place);
  const stop = new AbortController();
  const assisting = pool.assist(idleWorker(place), stop.signal, calm);
  await vi.waitFor(() => expect(pool.size).toBe(2), patience);
  const { limits } = place.replicator;
  limits.change({ ...limits.config, limits: { ...limits.config.limits, concurrency: 1 } });
  await vi.waitFor(() => expect([pool.size, limits.concurrency.value]).toEqual([1, 1]), patience);
  stop.abort();
  await assisting;
});

test('one run after another is done by the same threads', async () => {
  await using place = await openRoom('{ workers: 2 }', small(5));
  const info = vi.fn<Log['info']>();
  await using pool = poolOf(place, { log: { ...silentLog, info } });
  const run = async (): Promise<Tally> => {
    const stop = new AbortController();
    const worker = idleWorker(place);
    const assisting = pool.assist(worker, stop.signal, calm);
    await vi.waitFor(async () => expect(await outstanding(place)).toMatchObject({ due: 0, leased: 0 }), patience);
    stop.abort();
    await assisting;
    return worker.tally;
  };
  expect(await run()).toMatchObject({ copied: 10 });
  await rm(place.at('one/k1'));
  await pass(place.replicator);
  expect(await run()).toMatchObject({ repaired: 1, copied: 0 });
  expect(info.mock.calls.filter(([, said]) => said.includes('joins'))).toHaveLength(1);
});

test('what is in flight is finished when the work is stopped, and given up when it is aborted', async () => {
  const objects = { big: bytesOf(2 ** 20, 'big') };
  for (const how of ['stopped', 'aborted'] as const) {
    await using place = await openRoom('{ workers: 2, bandwidth: 1MiB/s }', {
      ...objects,
      next: bytesOf(2 ** 20, 'next'),
    });
    await using pool = poolOf(place);
    const [stop, abort] = [new AbortController(), new AbortController()];
    const worker = idleWorker(place);
    const assisting = pool.assist(worker, stop.signal, abort.signal);
    await vi.waitFor(async () => expect(await outstanding(place)).toMatchObject({ leased: 2 }), patience);
    stop.abort();
    if (how === 'aborted') abort.abort();
    await assisting;
    expect(await outstanding(place)).toMatchObject({ leased: 0, due: how === 'stopped' ? 0 : 4 });
    expect(worker.tally.copied).toBe(how === 'stopped' ? 4 : 0);
  }
});

test('what one thread noted in the catalog the others see', async () => {
  await using place = await openRoom('{ workers: 2 }', small(1));
  await using pool = poolOf(place);
  const stop = new AbortController();
  const assisting = pool.assist(idleWorker(place), stop.signal, calm);
  await vi.waitFor(async () => expect(await outstanding(place)).toMatchObject({ due: 0, leased: 0 }), patience);
  stop.abort();
  await assisting;
  await using another = await openSqliteCatalog({ path: place.at('catalog.db'), clock: systemClock });
  const seen = await Promise.all(
    [another, place.replicator.engine.catalog].map(async (catalog) => await catalog.counts('p', {})),
  );
  expect(seen[0]).toEqual(seen[1]);
  expect(seen[0]).toMatchObject({ copies: { verified: 2 } });
});

/** Requests that go through it are counted, and take a while; the first objects so long that a thread joins meanwhile. */
async function countingFront(to: string): Promise<{ url: string; most: () => number } & AsyncDisposable> {
  let [now, most, objects] = [0, 0, 0];
  const { hostname, port } = new URL(to);
  const server = createServer((asked, answer) => {
    now += 1;
    most = Math.max(most, now);
    let counted = true;
    const over = (): void => {
      if (counted) now -= 1;
      counted = false;
    };
    // The client may have given it up.
    answer.once('close', over);
    const { method, url: path = '', headers } = asked;
    const isObject = method === 'PUT' && !path.includes('.holdfast');
    if (isObject) objects += 1;
    const holdFor = isObject && objects <= 6 ? 12_000 : 20;
    const forward = request({ hostname, port, method, path, headers }, (answered) => {
      setTimeout(() => {
        over();
        answer.writeHead(answered.statusCode ?? 500, answered.headers);
        answered.pipe(answer);
      }, holdFor);
    });
    forward.on('error', () => answer.destroy());
    asked.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${own}`, most: () => most, [Symbol.asyncDispose]: close };
}

test('a limit of requests under way holds for all threads together, also when one joins', async () => {
  await using server = await new FakeS3().listen();
  await using front = await countingFront(server.access.endpoint);
  const one = `{ type: s3, bucket: bucket, region: us-east-1, endpoint: '${front.url}', forcePathStyle: true, credentials: { accessKeyId: a, secretAccessKey: b }, limits: { concurrency: 6 } }`;
  await using place = await openRoom('{ workers: 3 }', small(400), one);
  await using pool = poolOf(place);
  const { engine, policies } = place.replicator;
  const stop = new AbortController();
  const working = new Worker({ ...engine, crew: pool }, { policies }).run(stop.signal, calm);
  await vi.waitFor(async () => expect(await outstanding(place)).toMatchObject({ due: 0, leased: 0 }), {
    timeout: 90_000,
    interval: 20,
  });
  stop.abort();
  await working;
  expect(pool.size).toBe(3);
  expect(front.most()).toBeGreaterThan(4);
  expect(front.most()).toBeLessThanOrEqual(6);
}, 120_000);
