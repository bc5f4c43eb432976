import { once } from 'node:events';
import http from 'node:http';
import type { ClientRequest, IncomingMessage, RequestListener, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openS3 } from '../../../src/providers/s3/s3.ts';
import { answeredLate, openAgent } from '../../../src/providers/sockets.ts';
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

describe('a request that is answered late', () => {
  test('is waited for once it is sent whole, and the next one on its connection is not', async () => {
    const held: http.ServerResponse[] = [];
    const server = await serve((_, response) => void held.push(response));
    const agent = openAgent(false, { connectMs: 5_000, idleMs: 50 });
    const where = { agent, port: portOf(server), host: '127.0.0.1' };
    const late = answeredLate(() => http.get(where));
    const [socket] = (await once(late, 'socket')) as [Socket];
    for (let silences = 0; silences < 3; silences += 1) await once(socket, 'timeout');
    held[0]?.end('x');
    const [answer] = (await once(late, 'response')) as [IncomingMessage];
    answer.resume();
    await once(answer, 'close');
    await expect.poll(() => Object.values(agent.freeSockets).flat().length).toBe(1);

    const next = http.get(where);
    const [error] = (await once(next, 'error')) as [Error];
    expect([next.reusedSocket, (error as NodeJS.ErrnoException).code]).toEqual([true, 'ETIMEDOUT']);
    const again = answeredLate(() => http.get(where));
    await once(again, 'socket');
    again.destroy();
    await once(again, 'error');
    agent.destroy();
  });

  test('is broken off when the server does not take it', async () => {
    const server = await serve((request) => request.pause());
    const agent = openAgent(false, { connectMs: 5_000, idleMs: 50 });
    const where = { agent, port: portOf(server), host: '127.0.0.1', method: 'PUT' };
    const request = answeredLate(() => http.request(where));
    request.end(Buffer.alloc(64 * 2 ** 20));
    const [error] = (await once(request, 'error')) as [Error];
    expect(error).toMatchObject({ code: 'ETIMEDOUT' });
    agent.destroy();
  });

  test('on a connection that was kept is waited for as well', async () => {
    const held: http.ServerResponse[] = [];
    const server = await serve((request, response) => {
      if (request.url === '/late') held.push(response);
      else response.end('x');
    });
    const agent = openAgent(false, { connectMs: 5_000, idleMs: 50 });
    const where = { agent, port: portOf(server), host: '127.0.0.1' };
    const [first] = (await once(http.get(where), 'response')) as [IncomingMessage];
    first.resume();
    await once(first, 'close');
    const late = answeredLate(() => http.get({ ...where, path: '/late' }));
    const [socket] = (await once(late, 'socket')) as [Socket];
    for (let silences = 0; silences < 2; silences += 1) await once(socket, 'timeout');
    held[0]?.end('x');
    const [answer] = (await once(late, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    answer.resume();
    await once(answer, 'close');
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
