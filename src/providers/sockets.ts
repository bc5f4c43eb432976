import http from 'node:http';
import https from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Milliseconds. */
export interface SocketTimeouts {
  readonly connectMs: number;
  readonly idleMs: number;
}

/** `HTTPS_PROXY`, `NO_PROXY` and so on: the environment, handed down by whoever may read it. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * An agent of a provider's own: kept-alive connections without an upper limit (callers limit concurrency), closed
 * with the provider. A connection that cannot be made, or on which nothing moves, is broken off; one whose reader
 * lets it wait is not. Its `timeout` also makes Node close a kept connection before its server does (Keep-Alive:
 * timeout=…) instead of sending a request into that.
 */
export function openAgent(secure: boolean, timeouts: SocketTimeouts, proxyEnv?: ProxyEnvironment): http.Agent {
  const options = { keepAlive: true, maxFreeSockets: 256, scheduling: 'lifo', timeout: timeouts.idleMs } as const;
  // What speaks plain http is on this machine or near it, and never behind a proxy.
  const agent = secure ? new https.Agent({ ...options, ...(proxyEnv && { proxyEnv }) }) : new http.Agent(options);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (details, done) =>
    watched(
      // Through a proxy, the connection to it is returned, and the one that runs through it comes later.
      connect(details, done && ((error, made) => done(error, watched(made, timeouts)))),
      timeouts,
    );
  const reuse = agent.reuseSocket.bind(agent);
  // A kept connection still has the time limit of waiting for its next request.
  agent.reuseSocket = (socket, request) => {
    if (socket instanceof Socket) socket.setTimeout(timeouts.idleMs);
    reuse(socket, request);
  };
  return agent;
}

function watched<T extends Duplex | null | undefined>(socket: T, { connectMs, idleMs }: SocketTimeouts): T {
  if (!(socket instanceof Socket)) return socket;
  socket.setTimeout(socket.connecting ? connectMs : idleMs);
  socket.once('connect', () => socket.setTimeout(idleMs));
  socket.on('timeout', () => {
    if (socket.isPaused()) return void socket.setTimeout(idleMs);
    const what = socket.connecting ? `no connection within ${connectMs} ms` : `nothing moved for ${idleMs} ms`;
    socket.destroy(Object.assign(new Error(what), { code: 'ETIMEDOUT' }));
  });
  return socket;
}
