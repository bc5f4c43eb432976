import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Call, Route } from './call.ts';
import { route } from './call.ts';
import type { FaultBook, Operation } from './faults.ts';
import { openFaultBook } from './faults.ts';
import { insertObject } from './insert.ts';
import { listObjects } from './list.ts';
import { deleteObject, getObject, media, patchObject } from './objects.ts';
import type { Answer } from './respond.ts';
import { errorAnswer, GcsError, readBody, respond } from './respond.ts';
import type { Sessions } from './resumable.ts';
import { cancelSession, continueSession, startSession } from './resumable.ts';
import type { Bucket } from './store.ts';

/** A Cloud Storage of our own, in memory, that can be told to misbehave. */
export interface FakeGcs {
  readonly endpoint: string;
  /** Buckets by name; a test may look into them and change what is stored. */
  readonly buckets: Map<string, Bucket>;
  readonly faults: FaultBook;
  /** What the server says of every bucket, and of the rights that its caller has. */
  readonly tells: { bucket: Readonly<Record<string, unknown>>; permissions: readonly string[] };
  /** Uploads that are neither finished nor cancelled. */
  readonly sessions: Sessions;
  /** How many requests of this kind came in. */
  requests(operation: Operation): number;
  stop(): Promise<void>;
}

export async function startFakeGcs(): Promise<FakeGcs> {
  const tells = { bucket: {}, permissions: [] };
  const world: World = { buckets: new Map(), faults: openFaultBook(), tells, sessions: new Map(), counts: new Map() };
  const server = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 60_000 }, (request, response) => {
    answer(world, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { buckets, faults, sessions, counts } = world;
  return {
    ...{ buckets, faults, sessions, tells },
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: (operation) => counts.get(operation) ?? 0,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface World {
  readonly buckets: Map<string, Bucket>;
  readonly faults: FaultBook;
  readonly tells: FakeGcs['tells'];
  readonly sessions: Sessions;
  readonly counts: Map<Operation, number>;
}

async function answer(world: World, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', headers } = request;
  const [path = '', search] = (request.url ?? '').split('?', 2);
  const query = new URLSearchParams(search);
  const found = route(method, path, query, headers);
  const body = await readBody(request);
  if (found === undefined) return respond(response, errorAnswer(new GcsError(404, 'notFound', 'No such method.')));
  serve(world, understood(world, found, { request, response, query, body }));
}

type Raw = Pick<Call, 'request' | 'response' | 'query' | 'body'>;

function understood(world: World, found: Route, raw: Raw): Call {
  world.counts.set(found.operation, (world.counts.get(found.operation) ?? 0) + 1);
  const key = found.key ?? nameIn(world, raw);
  const bucket = (): Bucket => {
    const known = world.buckets.get(found.bucketName);
    if (known === undefined) throw new GcsError(404, 'notFound', 'The specified bucket does not exist.');
    return known;
  };
  return { ...raw, ...found, key, bucket, faults: world.faults.draw(found.operation, key) };
}

/** The name in the metadata of an upload, for rules that match by key. */
function nameIn(world: World, { query, body }: Raw): string | undefined {
  const session = world.sessions.get(query.get('upload_id') ?? '');
  const sent = /"name":("(?:[^"\\]|\\.)*")/.exec(body.subarray(0, 16_384).toString())?.[1];
  return session?.name ?? query.get('name') ?? (sent === undefined ? undefined : (JSON.parse(sent) as string));
}

function serve(world: World, call: Call): void {
  const { faults, response, operation } = call;
  if (operation !== 'object.media') {
    if (faults.has('stall')) return;
    if (faults.has('drop-connection')) return void response.socket?.destroy();
  }
  const answered = answerOf(world, call);
  if (faults.has('lose-response')) return void response.socket?.destroy();
  if (faults.has('stall') || faults.has('drop-connection')) return sendHalf(call, answered);
  respond(response, answered);
}

function answerOf(world: World, call: Call): Answer {
  try {
    return troubled(call) ?? handle(world, call);
  } catch (error) {
    if (error instanceof GcsError) return errorAnswer(error);
    return errorAnswer(new GcsError(400, 'parseError', String(error)));
  }
}

function troubled({ faults }: Call): Answer | undefined {
  if (faults.has('error-503')) throw new GcsError(503, 'backendError', 'Backend Error');
  if (faults.has('error-429')) throw new GcsError(429, 'rateLimitExceeded', 'Slow down.', { 'Retry-After': '3' });
  if (faults.has('denied')) throw new GcsError(403, 'forbidden', 'test@example.com does not have storage access.');
  if (faults.has('quota')) throw new GcsError(403, 'rateLimitExceeded', 'The project exceeded its rate limit.');
  if (faults.has('ok-with-error-body')) return { body: { error: { code: 503, message: 'Backend Error' } } };
  return faults.has('ok-with-empty-body') ? { body: {} } : undefined;
}

const handlers: Readonly<Record<Operation, (world: World, call: Call) => Answer>> = {
  'bucket.get': ({ tells }, call) => ({
    body: { kind: 'storage#bucket', name: call.bucketName, entries: call.bucket().size, ...tells.bucket },
  }),
  'bucket.permissions': ({ tells }, { query }) => ({
    body: { permissions: query.getAll('permissions').filter((permission) => tells.permissions.includes(permission)) },
  }),
  'bucket.insert': ({ buckets }, call) => {
    const { name } = JSON.parse(call.body.toString()) as { name: string };
    if (buckets.has(name)) throw new GcsError(409, 'conflict', 'You already own this bucket.');
    buckets.set(name, new Map());
    return { body: { kind: 'storage#bucket', name } };
  },
  'object.list': (_, call) => listObjects(call),
  'object.get': (_, call) => getObject(call),
  'object.media': (_, call) => media(call),
  'object.insert': (_, call) => insertObject(call),
  'object.patch': (_, call) => patchObject(call),
  'object.delete': (_, call) => deleteObject(call),
  'upload.start': ({ sessions }, call) => startSession(sessions, call),
  'upload.chunk': ({ sessions }, call) => continueSession(sessions, call),
  'upload.query': ({ sessions }, call) => continueSession(sessions, call),
  'upload.cancel': ({ sessions }, call) => cancelSession(sessions, call),
};

function handle(world: World, call: Call): Answer {
  return handlers[call.operation](world, call);
}

/** Half of a body, then silence or the end of the connection. */
function sendHalf({ response, faults }: Call, { status = 200, headers, body }: Answer): void {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  response.writeHead(status, { ...headers, 'Content-Length': String(bytes.length) });
  response.write(bytes.subarray(0, bytes.length >> 1), () => {
    if (faults.has('drop-connection')) response.socket?.destroy();
  });
}
