import { once } from 'node:events';
import { Agent, createServer, request as send } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** Answers a request in the server's stead. @returns false to leave it to the server. */
export type Answer = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<boolean> | boolean;

/** Stands before a real server: counts requests, answers some itself, and passes on the others as they are. */
export interface Front extends AsyncDisposable {
  readonly endpoint: string;
  /** Tried in order. */
  readonly answers: Answer[];
  /** By method. */
  readonly requests: Map<string, number>;
}

export async function startFront(server: string): Promise<Front> {
  const agent = new Agent({ keepAlive: true });
  const [answers, requests]: [Answer[], Map<string, number>] = [[], new Map()];
  const http = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 60_000 }, (request, response) => {
    const method = request.method ?? '';
    requests.set(method, (requests.get(method) ?? 0) + 1);
    respond(new URL(server), { agent, answers }, request, response).catch(() => request.socket.destroy());
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    endpoint: server.replace(new URL(server).host, `127.0.0.1:${(http.address() as AddressInfo).port}`),
    answers,
    requests,
    [Symbol.asyncDispose]: async () => {
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
      agent.destroy();
    },
  };
}

async function respond(
  server: URL,
  { agent, answers }: { readonly agent: Agent; readonly answers: readonly Answer[] },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', server);
  for (const answer of answers) if (await answer(request, response, url)) return;
  const { hostname, port } = server;
  const { method, url: path } = request;
  // The headers as they came, `Host` too, so that signatures stay right.
  const outgoing = send({ agent, hostname, port, method, path, setHost: false, headers: request.rawHeaders });
  const [[answered]] = (await Promise.all([once(outgoing, 'response'), pipeline(request, outgoing)])) as [
    [IncomingMessage],
    void,
  ];
  response.writeHead(answered.statusCode ?? 502, answered.statusMessage, answered.rawHeaders);
  await pipeline(answered, response);
}

export function countRequests(fronts: readonly Front[]): number {
  return fronts.flatMap(({ requests }) => [...requests.values()]).reduce((sum, count) => sum + count, 0);
}
