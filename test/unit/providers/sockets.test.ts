import { once } from 'node:events';
import http from 'node:http';
import type { ClientRequest, IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openS3 } from '../../../src/providers/s3/s3.ts';
import { openAgent } from '../../../src/providers/sockets.ts';
import { calm, expectError } from '../../contract/provider/room.ts';

async function serve(listener: RequestListener): Promise<Server> {
  const server = http.createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

describe('a connection', () => {
  test('that was kept has its whole idle time again, whatever the server said about keeping it', async () => {
    const server = await serve((_, response) => response.end('x'));
    server.keepAliveTimeout = 2_000;
    const agent = openAgent(false, { connectMs: 5_000, idleMs: 60_000 });
    const where = { agent, port: portOf(server), host: '127.0.0.1' };

    const first = http.get(where);
    const [answer] = (await once(first, 'response')) as [IncomingMessage];
    expect(answer.headers['keep-alive']).toBe('timeout=2');
    answer.resume();
    await once(answer, 'close');
    await expect.poll(() => Object.values(agent.freeSockets).flat().length).toBe(1);
    expect(Object.values(agent.freeSockets).flat()[0]?.timeout).toBe(1_000);
    const second: ClientRequest = http.get(where);
    const [socket] = (await once(second, 'socket')) as [Socket];
    expect([second.reusedSocket, socket.timeout]).toEqual([true, 60_000]);

    second.destroy();
    await once(second, 'error');
    agent.destroy();
  });

  test('on which nothing moves is broken off', async () => {
    const server = await serve(() => undefined);
    const agent = openAgent(false, { connectMs: 5_000, idleMs: 50 });
    const request = http.get({ agent, port: portOf(server), host: '127.0.0.1' });
    const [error] = (await once(request, 'error')) as [Error];
    expect(error).toMatchObject({ code: 'ETIMEDOUT', message: 'nothing moved for 50 ms' });
    agent.destroy();
  });
});

test('a proxy that the environment names is asked for the way to a server of https', async () => {
  const asked: (string | undefined)[] = [];
  const proxy = await serve((_, response) => response.end());
  proxy.on('connect', (request, socket) => {
    asked.push(request.url);
    socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
  });
  const provider = await openS3({
    ...{ name: 'copies', bucket: 'bucket', endpoint: 'https://storage.invalid', forcePathStyle: true },
    credentials: { accessKeyId: 'x', secretAccessKey: 'y' },
    proxyEnv: { HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}` },
  });
  await expectError(provider.head('x', calm), 'unavailable');
  expect(asked).toEqual(['storage.invalid:443']);
  await provider.close();
});
