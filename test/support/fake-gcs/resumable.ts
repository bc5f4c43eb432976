import { randomUUID } from 'node:crypto';
import type { Call } from './call.ts';
import { arrived } from './faults.ts';
import { nameOf, splitClaims } from './insert.ts';
import type { Answer } from './respond.ts';
import { GcsError } from './respond.ts';
import type { Bucket, Claims, Metadata, StoredObject } from './store.ts';
import { resourceOf, store } from './store.ts';

interface Session {
  readonly bucket: Bucket;
  readonly name: string;
  readonly metadata: Metadata;
  readonly claims: Claims;
  readonly ifGenerationMatch: string | null;
  readonly bucketName: string;
  readonly fields: string | null;
  /** Announced size of the object. */
  readonly total: number | undefined;
  /** What was received, in pieces: joining them for every chunk would copy an object as often as it has chunks. */
  readonly pieces: Buffer[];
  length: number;
  finished?: StoredObject;
}

export type Sessions = Map<string, Session>;

const quantum = 262_144;

export function startSession(sessions: Sessions, call: Call): Answer {
  const { query, request, body } = call;
  const { metadata, claims } = splitClaims(body.length === 0 ? {} : (JSON.parse(body.toString()) as Metadata));
  const announced = request.headers['x-upload-content-length'];
  const id = randomUUID();
  sessions.set(id, {
    ...{ bucket: call.bucket(), bucketName: call.bucketName, metadata, claims, pieces: [], length: 0 },
    name: query.get('name') ?? nameOf(metadata),
    ifGenerationMatch: query.get('ifGenerationMatch'),
    fields: query.get('fields'),
    total: typeof announced === 'string' ? Number(announced) : undefined,
  });
  // The host is another than the one asked, as behind a proxy.
  const path = `/upload/storage/v1/b/${call.bucketName}/o?uploadType=resumable&upload_id=${id}`;
  return { headers: { Location: `http://storage.invalid${path}` } };
}

/** A chunk, or the question how much arrived. */
export function continueSession(sessions: Sessions, call: Call): Answer {
  const id = call.query.get('upload_id') ?? '';
  const session = sessions.get(id);
  if (session === undefined) throw new GcsError(410, 'gone', 'No such upload.');
  const { start, end, total } = parseRange(call, session);
  if (session.finished === undefined && start !== undefined) receive(session, call, start, end === total);
  if (session.finished === undefined && session.length === total) finish(sessions, id, session, call);
  const { finished, bucketName: bucket, fields, length } = session;
  if (finished !== undefined) return { body: resourceOf({ ...finished, bucket }, fields, call.faults) };
  return { status: 308, ...(length > 0 && { headers: { Range: `bytes=0-${length - 1}` } }) };
}

export function cancelSession(sessions: Sessions, call: Call): Answer {
  if (!sessions.delete(call.query.get('upload_id') ?? '')) throw new GcsError(410, 'gone', 'No such upload.');
  return { status: 499 };
}

function receive(session: Session, { body, faults }: Call, start: number, last: boolean): void {
  const have = session.length;
  if (start > have)
    throw new GcsError(400, 'invalid', `The chunk begins at ${start}, but ${have} bytes were received.`);
  if (!last && body.length % quantum !== 0) throw new GcsError(400, 'invalid', 'The chunk is no multiple of 256 KiB.');
  const news = arrived(body, faults).subarray(have - start);
  const half = Math.floor(news.length / 2 / quantum) * quantum;
  const piece = faults.has('keep-half') ? news.subarray(0, half) : news;
  session.pieces.push(piece);
  session.length += piece.length;
}

/** All bytes are there: the object becomes visible if the hash sent with the last chunk is theirs. */
function finish(sessions: Sessions, id: string, session: Session, call: Call): void {
  const header = String(call.request.headers['x-goog-hash'] ?? '');
  const crc32c = /crc32c=([^,]+)/.exec(header)?.[1];
  const { name, metadata } = session;
  const bytes = Buffer.concat(session.pieces);
  const claims = { ...session.claims, ...(crc32c === undefined ? {} : { crc32c }) };
  try {
    session.finished = store(session.bucket, { name, bytes, metadata, claims }, session.ifGenerationMatch, call.faults);
  } catch (error) {
    sessions.delete(id);
    throw error;
  }
}

function parseRange(call: Call, session: Session): { start?: number; end?: number; total: number | undefined } {
  const header = call.request.headers['content-range'] ?? '';
  const [, first, last, size] = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(header) ?? [];
  if (size === undefined) throw new GcsError(400, 'invalid', `Malformed Content-Range: ${header}`);
  const total = size === '*' ? session.total : Number(size);
  if (session.total !== undefined && total !== session.total) {
    throw new GcsError(400, 'invalid', `${total} bytes are sent, but ${session.total} were announced.`);
  }
  if (first === undefined || last === undefined) return { total };
  const [start, end] = [Number(first), Number(last) + 1];
  if (end - start !== call.body.length) throw new GcsError(400, 'invalid', 'Content-Range and body differ in length.');
  return { start, end, total };
}
