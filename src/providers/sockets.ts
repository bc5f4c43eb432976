import { AsyncLocalStorage } from 'node:async_hooks';
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

/** Through the SDKs, nothing gets from whoever makes a request to its connection but the asynchronous context. */
const late = new AsyncLocalStorage<true>();

/**
 * Makes requests that a server may take long to answer, in silence: it puts a large object together. Once such a request
 * is sent whole, it is not broken off because nothing moves; how long it may take is for whoever makes it to say.
 */
export function answeredLate<T>(send: () => T): T {
  return late.run(true, send);
}

/** Connections that wait for such an answer. */
const silent = new WeakSet<Duplex>();

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
  agent.createConnection = (details, done) => {
    const isLate = late.getStore() === true;
    return watched(
      // Through a proxy, the connection to it is returned, and the one that runs through it comes later.
      connect(details, done && ((error, made) => done(error, watched(made, timeouts, isLate)))),
      timeouts,
      isLate,
    );
  };
  const reuse = agent.reuseSocket.bind(agent);
  // A kept connection still has the time limit of waiting for its next request.
  agent.reuseSocket = (socket, request) => {
    if (socket instanceof Socket) begin(socket, timeouts.idleMs, late.getStore() === true);
    reuse(socket, request);
  };
  return agent;
}

/** For a request that begins. Of a peer that is silent, the system finds out whether it is still there. */
function begin(socket: Socket, idleMs: number, isLate: boolean): void {
  socket.setTimeout(idleMs);
  if (!isLate) return void silent.delete(socket);
  silent.add(socket);
  socket.setKeepAlive(true, idleMs);
}

function watched<T extends Duplex | null | undefined>(
  socket: T,
  { connectMs, idleMs }: SocketTimeouts,
  isLate: boolean,
): T {
  if (!(socket instanceof Socket)) return socket;
  begin(socket, idleMs, isLate);
  if (socket.connecting) socket.setTimeout(connectMs);
  socket.once('connect', () => socket.setTimeout(idleMs));
  socket.on('timeout', () => {
    const awaited = silent.has(socket) && !socket.connecting && socket.writableLength === 0;
    if (socket.isPaused() || awaited) return void socket.setTimeout(idleMs);
    const what = socket.connecting ? `no connection within ${connectMs} ms` : `nothing moved for ${idleMs} ms`;
    socket.destroy(Object.assign(new Error(what), { code: 'ETIMEDOUT' }));
  });
  return socket;
}
