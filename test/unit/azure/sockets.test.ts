import { once } from 'node:events';
import http from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { openAgent } from '../../../src/providers/azure/sockets.ts';

test('a kept connection has its whole idle time again, whatever the server said about keeping it', async () => {
  const server = http.createServer((_, response) => response.end('x'));
  server.keepAliveTimeout = 2_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = openAgent(false, { connectMs: 5_000, idleMs: 60_000 });
  const { port } = server.address() as AddressInfo;

  const first = http.get({ agent, port, host: '127.0.0.1' });
  const [answer] = (await once(first, 'response')) as [IncomingMessage];
  expect(answer.headers['keep-alive']).toBe('timeout=2');
  answer.resume();
  await once(answer, 'close');
  await expect.poll(() => Object.keys(agent.freeSockets).length).toBe(1);
  const second: ClientRequest = http.get({ agent, port, host: '127.0.0.1' });
  const [socket] = (await once(second, 'socket')) as [Socket];
  expect([second.reusedSocket, socket.timeout]).toEqual([true, 60_000]);

  second.destroy();
  await once(second, 'error');
  agent.destroy();
  server.close();
});
