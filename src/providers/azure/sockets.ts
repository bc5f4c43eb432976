import http from 'node:http';
import https from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface SocketTimeouts {
  readonly connectMs: number;
  readonly idleMs: number;
}

/**
 * An agent of the provider's own: kept-alive connections without an upper limit (callers limit concurrency), closed
 * with the provider. The SDK sets no time limit at all; here a connection that cannot be made, or on which nothing
 * moves, is broken off.
 */
export function openAgent(secure: boolean, timeouts: SocketTimeouts): http.Agent {
  const options = { keepAlive: true, maxFreeSockets: 256, timeout: timeouts.idleMs };
  const agent = secure ? new https.Agent(options) : new http.Agent(options);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (details, done) => watched(connect(details, done), timeouts);
  const reuse = agent.reuseSocket.bind(agent);
  // A kept connection still has the time limit of waiting for its next request (the server's Keep-Alive: timeout=…).
  agent.reuseSocket = (socket, request) => {
    if (socket instanceof Socket) socket.setTimeout(timeouts.idleMs);
    reuse(socket, request);
  };
  return agent;
}

function watched<T extends Duplex | null | undefined>(socket: T, { connectMs, idleMs }: SocketTimeouts): T {
  if (!(socket instanceof Socket)) return socket;
  socket.setTimeout(connectMs);
  socket.once('connect', () => socket.setTimeout(idleMs));
  socket.on('timeout', () => {
    const what = socket.connecting ? `no connection within ${connectMs} ms` : `nothing moved for ${idleMs} ms`;
    socket.destroy(Object.assign(new Error(what), { code: 'ETIMEDOUT' }));
  });
  return socket;
}
