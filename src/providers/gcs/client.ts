import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Clock } from '../../objects/clock.ts';
import type { Key } from '../../objects/key.ts';
import type { Authorize } from './credentials.ts';
import type { Operation } from './errors.ts';
import { fail, refused, translated } from './errors.ts';
import type { Wire, WireRequest } from '../wire.ts';
import { exchange } from '../wire.ts';

/** One bucket, reached with one set of credentials. */
export interface GcsClient {
  readonly provider: string;
  readonly bucket: string;
  /** `<root>.holdfast/` */
  readonly reserved: Key;
  readonly clock: Clock;
  readonly wire: Wire;
  readonly authorize: Authorize;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A page of a listing with 1,000 names of 1,024 bytes takes a few MB; anything above this is no answer of GCS. */
const maxAnswer = 32 * 2 ** 20;

export function operation(client: GcsClient, verb: string, key?: Key): Operation {
  return { provider: client.provider, bucket: client.bucket, verb, ...(key === undefined ? {} : { key }) };
}

export function bucketPath(client: GcsClient): string {
  return `/storage/v1/b/${encodeURIComponent(client.bucket)}`;
}

export function objectPath(client: GcsClient, key: Key): string {
  return `${bucketPath(client)}/o/${encodeURIComponent(key)}`;
}

/** Parameters that are undefined are left out. */
export function query(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
}

/** Sends a request; the caller reads or destroys the answer, whatever its status. */
export async function send(
  client: GcsClient,
  request: WireRequest,
  doing: Operation,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  try {
    const credentials = await untilAborted(client.authorize(), signal);
    return await exchange(client.wire, { ...request, headers: { ...credentials, ...request.headers } }, signal);
  } catch (error) {
    throw translated(error, doing, signal);
  }
}

/** Sends a request and reads its answer. @throws ProviderError for any status but 2xx and those in `also`. */
export async function call(
  client: GcsClient,
  request: WireRequest,
  doing: Operation,
  signal: AbortSignal,
  also: readonly number[] = [],
): Promise<Answer> {
  const response = await send(client, request, doing, signal);
  const answer = await readAnswer(response, doing, signal);
  if ((answer.status >= 200 && answer.status < 300) || also.includes(answer.status)) return answer;
  throw refused(answer, doing, client.clock);
}

/** The JSON object in an answer. An error in the body of a 200 counts as the error it is. */
export function jsonOf(client: GcsClient, answer: Answer, doing: Operation): Record<string, unknown> {
  const value = parse(answer.text);
  if (value === undefined) throw fail('invalid', 'its answer is no JSON object', doing);
  if (typeof value.error !== 'object' || value.error === null) return value;
  const { code } = value.error as { code?: unknown };
  throw refused({ ...answer, status: typeof code === 'number' ? code : 500 }, doing, client.clock);
}

export async function callForJson(
  client: GcsClient,
  request: WireRequest,
  doing: Operation,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  return jsonOf(client, await call(client, request, doing, signal), doing);
}

export async function readAnswer(response: IncomingMessage, doing: Operation, signal: AbortSignal): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxAnswer) throw fail('invalid', `its answer is longer than ${maxAnswer} bytes`, doing);
      chunks.push(chunk);
    }
  } catch (error) {
    throw translated(error, doing, signal);
  }
  const { statusCode: status = 0, headers } = response;
  return { status, headers, text: Buffer.concat(chunks).toString('utf8') };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The SDK's token request takes no signal: it is left to finish by itself. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
