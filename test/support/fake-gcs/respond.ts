import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** An answer that is an error of the JSON API. */
export class GcsError extends Error {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, reason: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.headers = headers;
  }
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON unless it is bytes. */
  readonly body?: object | Buffer;
}

export function errorAnswer({ status, reason, message, headers }: GcsError): Answer {
  return {
    status,
    headers,
    body: { error: { code: status, message, errors: [{ domain: 'global', reason, message }] } },
  };
}

export function respond(response: ServerResponse, { status = 200, headers = {}, body }: Answer): void {
  const isJson = body !== undefined && !Buffer.isBuffer(body);
  const bytes = isJson ? Buffer.from(JSON.stringify(body)) : (body ?? Buffer.alloc(0));
  const type = isJson ? { 'Content-Type': 'application/json; charset=UTF-8' } : {};
  response.writeHead(status, { ...type, 'Content-Length': String(bytes.length), ...headers });
  // A socket does not take two gigabytes at once.
  Readable.from(piecesOf(bytes)).pipe(response);
}

const pieceSize = 64 * 1024 * 1024;

/** Hashes do not take two gigabytes at once either. */
export function* piecesOf(bytes: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize);
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
