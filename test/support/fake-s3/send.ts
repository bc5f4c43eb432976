import type { ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';
import { leaving } from './faults.ts';
import type { S3Request } from './request.ts';
import type { S3Response } from './response.ts';

/** Closes the connection without a word. */
export function silence(response: ServerResponse): void {
  response.socket?.destroy();
}

export function send(
  response: ServerResponse,
  request: S3Request,
  answer: S3Response,
  faults: ReadonlySet<Fault>,
): void {
  const whole = Buffer.from(answer.body ?? '');
  const length = answer.headers?.['content-length'] ?? String(whole.length);
  response.writeHead(answer.status, { 'x-amz-request-id': 'fake', ...answer.headers, 'content-length': length });
  if (request.method === 'HEAD') return void response.end();
  const body = request.operation === 'GetObject' ? leaving(whole, faults) : whole;
  if (faults.has('stall-read')) return void response.write(body.subarray(0, body.length >> 1));
  if (body.length === whole.length) return void response.end(body);
  response.write(body, () => silence(response));
}
