import { createHash, randomUUID, type Hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { crc32c } from '@node-rs/crc32';
import type { Answer } from './front.ts';

/**
 * Takes resumable uploads of large objects in the stead of fake-gcs-server, which hashes the whole object again with
 * every chunk and keeps it in memory. Hashes while the bytes arrive, as Cloud Storage does, and keeps none of them: they
 * can be looked up, not read.
 */
export function largeGcsUploads(): Answer {
  const sessions = new Map<string, Session>();
  const objects = new Map<string, object>();
  return async (request, response, url) => {
    const id = url.searchParams.get('upload_id') ?? '';
    const session = sessions.get(id);
    if (session !== undefined) {
      await receive(session, request, response, objects);
      return true;
    }
    if (request.method === 'POST' && isLarge(request, url)) {
      await begin(sessions, request, response, url);
      return true;
    }
    const found = request.method === 'GET' ? objects.get(url.pathname) : undefined;
    if (found !== undefined) sendJson(response, found);
    return found !== undefined;
  };
}

interface Session {
  readonly bucket: string;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly md5: Hash;
  crc: number;
  length: number;
}

/** What probes send stays with the real server, for it is read back. */
const largeFrom = 32 * 1024 ** 2;
let generation = 1_700_000_000_000_000;

function isLarge({ headers }: IncomingMessage, url: URL): boolean {
  const size = Number(headers['x-upload-content-length'] ?? 0);
  return url.searchParams.get('uploadType') === 'resumable' && size >= largeFrom;
}

async function begin(
  sessions: Map<string, Session>,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const sent = JSON.parse((await text(request)) || '{}') as Record<string, unknown>;
  const resource = { name: url.searchParams.get('name'), ...sent };
  const bucket = url.pathname.split('/')[5] ?? '';
  const id = randomUUID();
  sessions.set(id, { bucket, resource, md5: createHash('md5'), crc: 0, length: 0 });
  const location = `http://${request.headers.host}${url.pathname}?uploadType=resumable&upload_id=${id}`;
  response.writeHead(200, { location, 'content-length': '0' }).end();
}

/** A chunk, or all that is left; the last byte makes the object. A question how much arrived has no body. */
async function receive(
  session: Session,
  request: IncomingMessage,
  response: ServerResponse,
  objects: Map<string, object>,
): Promise<void> {
  for await (const chunk of request as AsyncIterable<Buffer>) {
    session.md5.update(chunk);
    session.crc = crc32c(chunk, session.crc);
    session.length += chunk.length;
  }
  if (session.length < totalOf(request)) {
    const range = session.length === 0 ? {} : { range: `bytes=0-${session.length - 1}` };
    response.writeHead(308, { ...range, 'content-length': '0' }).end();
    return;
  }
  const resource = resourceOf(session);
  objects.set(`/storage/v1/b/${session.bucket}/o/${encodeURIComponent(String(resource['name']))}`, resource);
  sendJson(response, resource);
}

/** Where no total is told, what came is all of it. */
function totalOf({ headers }: IncomingMessage): number {
  const total = /\/(\d+|\*)$/.exec(headers['content-range'] ?? '')?.[1];
  if (total === '*') return Number.POSITIVE_INFINITY;
  return total === undefined ? 0 : Number(total);
}

function resourceOf({ bucket, resource, md5, crc, length }: Session): Record<string, unknown> {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc);
  generation += 1;
  const updated = new Date().toISOString();
  return {
    ...{ kind: 'storage#object', contentType: 'application/octet-stream', ...resource, bucket, size: String(length) },
    ...{ generation: String(generation), metageneration: '1', updated, timeCreated: updated },
    ...{ crc32c: sum.toString('base64'), md5Hash: md5.digest('base64') },
  };
}

function sendJson(response: ServerResponse, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(bytes.length) }).end(bytes);
}
