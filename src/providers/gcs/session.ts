import { ProviderError } from '../../objects/errors.ts';
import type { Answer, GcsClient } from './client.ts';
import { call, jsonOf, operation, query } from './client.ts';
import type { Operation } from './errors.ts';
import { fail } from './errors.ts';
import type { NewObject } from './objects.ts';
import { preconditionQuery, writtenFields, writtenResource } from './objects.ts';
import type { Resource } from './resource.ts';
import type { Precondition } from '../provider.ts';
import { toBase64 } from './resource.ts';

/**
 * A resumable session (cloud.google.com/storage/docs/performing-resumable-uploads). Its path lets anybody write
 * the object, so it is kept out of messages.
 */
export interface Session {
  readonly client: GcsClient;
  readonly object: NewObject;
  readonly size: number;
  readonly path: string;
}

/** Where a session stands: the bytes the server keeps, or the finished object. */
export type Progress = { readonly received: number } | { readonly finished: Resource };

/** Status of an unfinished session, and of a cancelled one. */
const incomplete = 308;
const cancelled = 499;

export async function startSession(
  client: GcsClient,
  object: NewObject,
  size: number,
  precondition: Precondition | undefined,
  signal: AbortSignal,
): Promise<Session> {
  const doing = operation(client, 'start uploading', object.name);
  const parameters = { uploadType: 'resumable', fields: writtenFields, ...preconditionQuery(precondition) };
  const request = {
    method: 'POST',
    path: `/upload/storage/v1/b/${encodeURIComponent(client.bucket)}/o?${query(parameters)}`,
    headers: {
      'Content-Type': 'application/json; charset=UTF-8',
      'X-Upload-Content-Type': object.contentType,
      'X-Upload-Content-Length': String(size),
    },
    body: [Buffer.from(JSON.stringify(object))],
  } as const;
  const { headers } = await call(client, request, doing, signal);
  return { client, object, size, path: pathOf(client, headers.location, doing) };
}

/**
 * Sends `bytes` at `offset`; `crc32c` (hex, of the whole object) goes with the last chunk, which the server then
 * refuses to turn into an object unless everything it received matches.
 */
export async function sendChunk(
  session: Session,
  offset: number,
  bytes: Uint8Array,
  crc32c: string | undefined,
  signal: AbortSignal,
): Promise<Progress> {
  const range = bytes.length === 0 ? '*' : `${offset}-${offset + bytes.length - 1}`;
  const hash = crc32c === undefined ? {} : { 'X-Goog-Hash': `crc32c=${toBase64(crc32c)}` };
  return put(session, { 'Content-Range': `bytes ${range}/${session.size}`, ...hash }, [bytes], signal);
}

/** Asks the server how much it has. */
export function queryProgress(session: Session, signal: AbortSignal): Promise<Progress> {
  return put(session, { 'Content-Range': `bytes */${session.size}` }, [], signal);
}

/** @returns undefined for a session that the server has forgotten, or that has run out. */
export async function progressIfThere(session: Session, signal: AbortSignal): Promise<Progress | undefined> {
  try {
    return await queryProgress(session, signal);
  } catch (error) {
    if (error instanceof ProviderError && ['conflict', 'invalid', 'not-found'].includes(error.code)) return undefined;
    throw error;
  }
}

export async function cancelSession({ client, object, path }: Session, signal: AbortSignal): Promise<void> {
  const doing = operation(client, 'cancel the upload of', object.name);
  await call(client, { method: 'DELETE', path }, doing, signal, [cancelled, 400, 404, 410]);
}

async function put(
  session: Session,
  headers: Readonly<Record<string, string>>,
  body: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<Progress> {
  const { client, object, path } = session;
  const doing = operation(client, 'upload', object.name);
  const answer = await call(client, { method: 'PUT', path, headers, body }, doing, signal, [incomplete, 404, 410]);
  if (answer.status === incomplete) return { received: receivedOf(answer, doing) };
  if (answer.status === 404 || answer.status === 410) {
    throw fail('conflict', 'the server has forgotten the upload; it has to begin anew', doing);
  }
  return { finished: writtenResource(client, jsonOf(client, answer, doing), object.name, doing) };
}

/** `Range: bytes=0-524287`; nothing was received when it is not there. */
function receivedOf({ headers }: Answer, doing: Operation): number {
  const { range } = headers;
  if (range === undefined) return 0;
  const last = /^bytes=0-(\d+)$/.exec(range)?.[1];
  if (last === undefined) throw fail('invalid', `it received ${JSON.stringify(range)}, which makes no sense`, doing);
  return Number(last) + 1;
}

/** Sent to our endpoint whatever host the server names: behind a proxy, or in an emulator, it may name another. */
function pathOf({ wire }: GcsClient, location: string | undefined, doing: Operation): string {
  const url = location === undefined ? null : URL.parse(location, 'http://relative');
  if (url === null) throw fail('invalid', 'it named no place to upload to', doing);
  const path = url.pathname + url.search;
  return path.startsWith(`${wire.base}/`) ? path.slice(wire.base.length) : path;
}
