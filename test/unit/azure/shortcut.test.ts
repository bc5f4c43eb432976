import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openAzure } from '../../../src/providers/azure/azure.ts';
import { Shortcut } from '../../../src/providers/azure/shortcut.ts';
import { expectError, put } from '../../contract/provider/room.ts';
import { azureRoom, calm } from './room.ts';

const room = azureRoom();

interface Seen {
  readonly line: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly way: 'ordinary' | 'shortcut';
}

/** Takes whatever is written, and tells what it looked like. The SDK writes the names of some headers in capitals. */
async function startScribe(): Promise<{ readonly endpoint: string; readonly seen: Seen[] } & AsyncDisposable> {
  const seen: Seen[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers, rawHeaders } = request;
      const way = rawHeaders.includes('Content-Type') ? 'ordinary' : 'shortcut';
      seen.push({ line: `${method} ${url}`, headers, body: Buffer.concat(chunks).toString(), way });
      response.writeHead(201, { etag: '"1"' }).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}/account`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const ofOneRequest = new Set(['authorization', 'x-ms-date', 'x-ms-client-request-id']);

function withoutItsOwn({ line, headers, body }: Seen): object {
  const common = Object.entries(headers).filter(([name]) => !ofOneRequest.has(name));
  return { line, headers: Object.fromEntries(common), body };
}

test.each([
  ['an account key', { accountKey: 'c2VjcmV0' }],
  ['a SAS', { sasToken: 'sv=2024-11-04&sig=a%2Fb%3D' }],
])('with %s a blob is put by the request that the SDK would send, once one has succeeded', async (_, credentials) => {
  await using scribe = await startScribe();
  const { endpoint, seen } = scribe;
  const attributes = {
    contentType: 'text/plain',
    cacheControl: 'no-cache',
    contentEncoding: 'br',
    contentLanguage: 'de',
    contentDisposition: 'attachment; filename="a b.txt"',
    metadata: { owner: 'ada' },
  };
  const key = "d/a b?c#d%20é!'()*+,;=:@&$~\u{1f511}";
  for (const options of [{ attributes, precondition: { absent: true } as const }, { precondition: { version: 'v' } }]) {
    for (const bytes of ['bytes', '']) {
      seen.splice(0);
      const fresh = await openAzure({ name: 'azure', container: 'c', account: 'account', endpoint, ...credentials });
      await put(fresh, key, bytes, options);
      await put(fresh, key, bytes, options);
      await fresh.close();
      const [first, second] = seen;
      expect(seen.map(({ way }) => way)).toEqual(['ordinary', 'shortcut']);
      if (first === undefined || second === undefined) continue;
      expect(withoutItsOwn(second)).toEqual(withoutItsOwn(first));
      expect(new Set(Object.keys(second.headers))).toEqual(new Set(Object.keys(first.headers)));
    }
  }
});

test('a refusal is told in the same words either way', async () => {
  const { provider, proxy, open } = room();
  await provider.connect('target', calm);
  const ordinary = await open({});
  const told = '<?xml version="1.0"?><Error><Code>Odd</Code><Message>It is odd &amp; so\nRequestId:1</Message></Error>';
  const answers = [
    {
      status: 409,
      headers: { 'content-type': 'application/xml', 'x-ms-error-code': 'Odd', 'x-ms-request-id': '1' },
      body: told,
    },
    { status: 503, headers: { 'x-ms-error-code': 'ServerBusy', 'retry-after': '7' }, body: '' },
    { status: 412, headers: { 'content-type': 'application/xml' }, body: told },
    { status: 502, headers: { 'content-type': 'text/html' }, body: '<html>bad gateway</html>' },
  ];
  for (const fault of answers) {
    proxy.inject({ match: { method: 'PUT', path: /blob/ }, fault });
    const [a, b] = await Promise.all(
      [provider, ordinary].map(async (one) => await put(one, 'blob', 'x').catch((e: unknown) => e)),
    );
    expect(b).toBeInstanceOf(Error);
    expect(a).toEqual(b);
    proxy.clear();
  }
});

test('what happens to a write on its way is told as ever', async () => {
  const { provider, proxy } = room();
  await provider.connect('target', calm);
  proxy.inject({ match: { method: 'PUT', path: /blob/, nth: 1 }, fault: 'flip-bit' });
  await expectError(put(provider, 'blob', 'bytes'), 'checksum-mismatch');
  proxy.inject({ match: { method: 'PUT', path: /blob/, nth: 1 }, fault: 'drop-connection' });
  await expectError(put(provider, 'blob', 'bytes'), 'unavailable');
  proxy.clear();
  expect(await put(provider, 'blob', 'bytes')).toMatchObject({ attested: 'md5' });
});

test('nothing is learnt of a request that went through a proxy', () => {
  const own = new http.Agent();
  const shortcut = new Shortcut(new URL('http://127.0.0.1/c'), own, undefined);
  const headers = new Map([
    ['user-agent', 'holdfast'],
    ['x-ms-version', '2026-10-06'],
  ]);
  shortcut.learn({ agent: new http.Agent(), headers });
  expect(shortcut.isKnown).toBe(false);
  shortcut.learn({ agent: own, headers });
  expect(shortcut.isKnown).toBe(true);
});
