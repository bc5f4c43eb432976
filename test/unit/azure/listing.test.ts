import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openConnection } from '../../../src/providers/azure/connection.ts';
import type { Connection } from '../../../src/providers/azure/connection.ts';
import { listBlobs } from '../../../src/providers/azure/listing.ts';
import type { ListOptions } from '../../../src/providers/provider.ts';
import { expectError } from '../../contract/provider/room.ts';
import { azureRoom, calm } from './room.ts';

const room = azureRoom();
const trusted = { ordered: true, startsFrom: true };

async function fill(keys: readonly string[]): Promise<Connection> {
  for (const key of keys) await room().blobs.getBlockBlobClient(key).upload(key, Buffer.byteLength(key));
  return openConnection({ ...room().options, pageSize: 2 });
}

async function keys(connection: Connection, options: ListOptions): Promise<string[]> {
  const found: string[] = [];
  for await (const page of listBlobs(connection, options, trusted, calm)) {
    found.push(...page.entries.map((entry) => entry.key));
  }
  return found;
}

test('a proven start saves the pages before it, and changes nothing else', async () => {
  const connection = await fill(['a', 'b/1', 'b/2', 'b/3', 'c', 'd']);
  const { proxy } = room();
  for (const [options, expected, requests] of [
    [{ after: 'b/3' }, ['c', 'd'], 2],
    [{ after: 'b/4' }, ['c', 'd'], 1],
    [{ prefix: 'b/', after: 'b/1' }, ['b/2', 'b/3'], 2],
    [{ prefix: 'b/', after: 'a' }, ['b/1', 'b/2', 'b/3'], 2],
    [{ prefix: 'b/', after: 'c' }, [], 1],
    [{}, ['a', 'b/1', 'b/2', 'b/3', 'c', 'd'], 3],
  ] as const) {
    proxy.resetTraffic();
    expect(await keys(connection, options)).toEqual(expected);
    expect([options, proxy.traffic.get('GET')?.requests]).toEqual([options, requests]);
  }
  connection.close();
});

test('a listing that is not in the order the probe found throws', async () => {
  // Azurite sorts by UTF-16 units, so these two come in the wrong order.
  const connection = await fill(['\u{1F600}', '\uff01']);
  const error = await expectError(keys(connection, {}), 'invalid');
  expect(error.message).toContain('in the order of their bytes');
  connection.close();
});

test('a listing that breaks off between pages throws', async () => {
  const connection = await fill(['a', 'b', 'c', 'd', 'e']);
  room().proxy.inject({ match: { path: /marker=/, nth: 2 }, fault: 'drop-connection' });
  await expectError(keys(connection, {}), 'unavailable');
  connection.close();
});

test('an answer cut short in its XML throws', async () => {
  const connection = await fill(['a']);
  room().proxy.inject({ match: {}, fault: 'truncate-read' });
  await expectError(keys(connection, {}), 'unavailable');
  connection.close();
});

test('what is reserved below the root is jumped over, and stays hidden where that is impossible', async () => {
  const reserved = Array.from({ length: 9 }, (_, n) => `r/.holdfast/descriptions/${n}`);
  (await fill(['r/!', ...reserved, 'r/.holdfast0', 'r/a', 's'])).close();
  const connection = await openConnection({ ...room().options, root: 'r/', pageSize: 2 });
  const { proxy } = room();
  proxy.resetTraffic();
  expect(await keys(connection, { prefix: 'r/' })).toEqual(['r/!', 'r/.holdfast0', 'r/a']);
  expect(proxy.traffic.get('GET')?.requests).toBe(2);
  expect(await keys(connection, { prefix: 'r/.holdfast/' })).toEqual(reserved);
  const untrusted = listBlobs(connection, { prefix: 'r/' }, { ordered: false, startsFrom: false }, calm);
  const pages = await Array.fromAsync(untrusted);
  expect(pages.flatMap((page) => page.entries.map(({ key }) => key))).toEqual(['r/!', 'r/.holdfast0', 'r/a']);
  connection.close();
});

test('a listing is asked for as XML, page by page', async () => {
  const asked: (string | null | undefined)[][] = [];
  const server = createServer(({ url = '', headers }, response) => {
    const { searchParams: query } = new URL(url, 'http://127.0.0.1');
    const names = ['restype', 'comp', 'prefix', 'startFrom', 'maxresults', 'marker'];
    asked.push([headers.accept, ...names.map((name) => query.get(name))]);
    const marker = query.has('marker') ? '' : '<NextMarker>next</NextMarker>';
    const xml = `<EnumerationResults><Blobs/>${marker}</EnumerationResults>`;
    response.setHeader('content-type', 'application/xml').end(xml);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const connection = await openConnection({ ...room().options, endpoint: `http://127.0.0.1:${port}/a`, pageSize: 2 });
  expect(await keys(connection, { prefix: 'p/', after: 'p/1' })).toEqual([]);
  const always = ['application/xml', 'container', 'list', 'p/', 'p/1', '2'];
  expect(asked).toEqual([
    [...always, null],
    [...always, 'next'],
  ]);
  connection.close();
  server.close();
});
