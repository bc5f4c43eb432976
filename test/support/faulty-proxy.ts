import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';

/**
 * What goes wrong with one request.
 * - `flip-bit`, `truncate`: the request's body reaches the server with one bit changed, or shorter with a
 *   `content-length` to match (which breaks a signature that covers it: Azure's account keys).
 * - `flip-bit-read`, `truncate-read`: the same for the answer. `cut-read`: the connection ends half way through it.
 * - `stall`: no answer, ever. `drop-connection`: the server never hears of it. `lose-response`: it does, and acts.
 * - a status: the proxy answers itself. `silence`: the server acts, and nothing of its answer comes before that ends.
 */
export type Fault =
  | 'flip-bit'
  | 'truncate'
  | 'flip-bit-read'
  | 'truncate-read'
  | 'cut-read'
  | 'stall'
  | 'drop-connection'
  | 'lose-response'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | { readonly silence: () => Promise<void> }
  /** Response headers to leave out. */
  | { readonly hide: readonly string[] }
  /** One response header to replace, where it is there. */
  | { readonly alter: string; readonly to: string };

export interface FaultRule {
  readonly match: {
    readonly method?: string;
    /** Tested against path and query, as sent. */
    readonly path?: RegExp;
    /** A request header that must be there; in lower case. */
    readonly header?: string;
    /** Anything else about it. */
    readonly when?: (request: IncomingMessage) => boolean;
    /** Only the nth request that matches, from 1; default: all of them. */
    readonly nth?: number;
  };
  readonly fault: Fault;
}

export interface Traffic {
  requests: number;
  /** Of request bodies and of response bodies, as the client sent and got them. */
  bytesSent: number;
  bytesReceived: number;
}

export interface FaultyProxy {
  /** `http://127.0.0.1:<port>` in place of the server's origin. */
  readonly url: string;
  /** Rules are tried in order; the first that matches decides. @returns how to lift the rule again. */
  inject(rule: FaultRule): () => void;
  clear(): void;
  /** By method. */
  readonly traffic: ReadonlyMap<string, Traffic>;
  resetTraffic(): void;
  stop(): Promise<void>;
}

/** An HTTP proxy before a real server. `Host` and all other headers pass unchanged, so signatures stay right. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const rules = new Set<{ readonly rule: FaultRule; seen: number }>();
  const traffic = new Map<string, Traffic>();
  const agent = new http.Agent({ keepAlive: true });
  const sockets = new Set<Socket>();

  const server = http.createServer((request, response) => {
    const count = countFor(traffic, request.method ?? '');
    const fault = faultFor(rules, request);
    pass(new URL(target), agent, request, response, fault, count).catch(() => request.socket.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    inject: (rule) => {
      const entry = { rule, seen: 0 };
      rules.add(entry);
      return () => void rules.delete(entry);
    },
    clear: () => rules.clear(),
    traffic,
    resetTraffic: () => traffic.clear(),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function countFor(traffic: Map<string, Traffic>, method: string): Traffic {
  const count = traffic.get(method) ?? { requests: 0, bytesSent: 0, bytesReceived: 0 };
  traffic.set(method, count);
  return count;
}

function faultFor(
  rules: Iterable<{ readonly rule: FaultRule; seen: number }>,
  request: IncomingMessage,
): Fault | undefined {
  for (const entry of rules) {
    const { method, path, header, when, nth } = entry.rule.match;
    if (method !== undefined && method !== request.method) continue;
    if (path !== undefined && !path.test(request.url ?? '')) continue;
    if (header !== undefined && !(header in request.headers)) continue;
    if (when?.(request) === false) continue;
    entry.seen += 1;
    if (nth === undefined || nth === entry.seen) return entry.rule.fault;
  }
  return undefined;
}

async function pass(
  target: URL,
  agent: http.Agent,
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
  count: Traffic,
): Promise<void> {
  count.requests += 1;
  if (fault === 'drop-connection') return void request.socket.destroy();
  // As they come: a client that dies half way has sent some all the same.
  request.on('data', (chunk: Buffer) => (count.bytesSent += chunk.length));
  const sent = await wholeBody(request);
  if (fault === 'stall') return;
  if (typeof fault === 'object' && 'status' in fault) {
    response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
    return;
  }
  const answer = await forward(target, agent, request, damaged(sent, fault));
  const received = await wholeBody(answer);
  if (typeof fault === 'object' && 'silence' in fault) await fault.silence();
  if (fault === 'lose-response') return void request.socket.destroy();
  giveBack(response, answer, received, request.method === 'HEAD', fault, count);
}

async function forward(
  target: URL,
  agent: http.Agent,
  request: IncomingMessage,
  body: Buffer,
): Promise<IncomingMessage> {
  const headers = pairs(request.rawHeaders).filter(
    ([name]) => !/^(connection|keep-alive|expect|transfer-encoding|content-length)$/i.test(name),
  );
  const hasBody = 'content-length' in request.headers || 'transfer-encoding' in request.headers;
  if (hasBody) headers.push(['Content-Length', String(body.length)]);
  const { hostname, port } = target;
  const { method, url: path } = request;
  const outgoing = http.request({ agent, hostname, port, method, path, setHost: false, headers: headers.flat() });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  return answer;
}

function giveBack(
  response: ServerResponse,
  answer: IncomingMessage,
  received: Buffer,
  isHead: boolean,
  fault: Fault | undefined,
  count: Traffic,
): void {
  const hidden = typeof fault === 'object' && 'hide' in fault ? fault.hide : [];
  const body = fault === 'flip-bit-read' ? flipped(received) : fault === 'truncate-read' ? halved(received) : received;
  const altered = (name: string, value: string): string =>
    typeof fault === 'object' && 'alter' in fault && fault.alter === name.toLowerCase() ? fault.to : value;
  const told = pairs(answer.rawHeaders).map(([name, value]): [string, string] => [name, altered(name, value)]);
  const headers = told.filter(
    ([name]) =>
      !/^(connection|keep-alive|transfer-encoding)$/i.test(name) &&
      (isHead || !/^content-length$/i.test(name)) &&
      !hidden.includes(name.toLowerCase()),
  );
  if (!isHead) headers.push(['Content-Length', String(body.length)]);
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers.flat());
  count.bytesReceived += body.length;
  if (fault !== 'cut-read') return void response.end(body);
  response.write(halved(body), () => response.socket?.destroy());
}

function damaged(body: Buffer, fault: Fault | undefined): Buffer {
  if (fault === 'flip-bit') return flipped(body);
  return fault === 'truncate' ? halved(body) : body;
}

/** One bit in the middle changed. */
function flipped(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const at = copy.length >> 1;
  if (copy.length > 0) copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

function halved(body: Buffer): Buffer {
  return body.subarray(0, body.length >> 1);
}

async function wholeBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function pairs(raw: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) result.push([raw[index] ?? '', raw[index + 1] ?? '']);
  return result;
}
