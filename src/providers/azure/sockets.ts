import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';

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
  // Node restores this timeout whenever a kept connection is used again.
  const options = { keepAlive: true, maxFreeSockets: 256, timeout: timeouts.idleMs };
  const agent = secure ? new https.Agent(options) : new http.Agent(options);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (details, done) => watched(connect(details, done), timeouts);
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
