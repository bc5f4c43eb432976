import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Key } from '../../objects/key.ts';
import type { ObjectHead } from '../../objects/object.ts';
import type { ObjectReader, ReadOptions } from '../provider.ts';
import { describedHead, descriptionKey, parseDescription } from '../description.ts';
import { isWhole, lengthOf, rangeHeader, wholeSize, type ByteRange } from '../http-answers.ts';
import type { Description } from '../record.ts';
import type { GcsClient } from './client.ts';
import { call, objectPath, operation, query, readAnswer, send } from './client.ts';
import type { Operation } from './errors.ts';
import { fail, refused, translated } from './errors.ts';
import { selfPortrait } from './metadata.ts';
import { getResource } from './objects.ts';
import type { Resource, TrustedFields } from './resource.ts';
import { infoOf } from './resource.ts';

export async function headObject(
  client: GcsClient,
  key: Key,
  trusted: TrustedFields,
  signal: AbortSignal,
): Promise<ObjectHead> {
  return toHead(client, await getResource(client, key, signal), trusted, signal);
}

async function toHead(
  client: GcsClient,
  resource: Resource,
  trusted: TrustedFields,
  signal: AbortSignal,
): Promise<ObjectHead> {
  const own = selfPortrait(resource);
  const { descriptionId } = own;
  const described = descriptionId === undefined ? undefined : await readDescription(client, descriptionId, signal);
  return describedHead(infoOf(resource, trusted), own, described);
}

export async function readDescription(
  client: GcsClient,
  id: string,
  signal: AbortSignal,
): Promise<Description | undefined> {
  const path = `${objectPath(client, descriptionKey(client.reserved, id))}?alt=media`;
  const answer = await call(client, { method: 'GET', path }, operation(client, 'read'), signal, [404]);
  return answer.status === 404 ? undefined : parseDescription(answer.text);
}

/**
 * The metadata comes from its own request, because a download's headers do not carry the user's metadata. Given
 * a version, both requests are under way at once.
 */
export async function readObject(
  client: GcsClient,
  key: Key,
  { versionId, version = versionId, from = 0, to }: ReadOptions,
  trusted: TrustedFields,
  signal: AbortSignal,
): Promise<ObjectReader> {
  const doing = operation(client, 'read', key);
  const range = { from, to };
  const early = version === undefined ? undefined : download(client, key, version, range, signal);
  // Looked at below; until then its failure must not count as unhandled.
  early?.catch(() => undefined);
  let response: Promise<IncomingMessage> | undefined = early;
  try {
    const resource = await getResource(client, key, signal, versionId);
    if (version !== undefined && resource.generation !== version) throw replaced(version, doing);
    response ??= download(client, key, resource.generation, range, signal);
    const incoming = await response;
    const body = await checkedBody(client, incoming, resource, range, doing, signal);
    const head = await toHead(client, resource, trusted, signal);
    return { head, body, [Symbol.asyncDispose]: () => Promise.resolve(void incoming.destroy()) };
  } catch (error) {
    response?.then((incoming) => incoming.destroy()).catch(() => undefined);
    throw error;
  }
}

/** `Accept-Encoding: gzip` makes the server send what it stores; without it, stored gzip comes decompressed. */
function download(
  client: GcsClient,
  key: Key,
  generation: string,
  range: ByteRange,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const path = `${objectPath(client, key)}?${query({ alt: 'media', generation })}`;
  const headers = { 'Accept-Encoding': 'gzip', ...(isWhole(range) ? {} : { Range: rangeHeader(range) }) };
  return send(client, { method: 'GET', path, headers }, operation(client, 'read', key), signal);
}

async function checkedBody(
  client: GcsClient,
  response: IncomingMessage,
  resource: Resource,
  range: ByteRange,
  doing: Operation,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const status = response.statusCode ?? 0;
  if (status === 416 && range.from >= resource.size) return Readable.from([]);
  if (status === 404) throw replaced(resource.generation, doing);
  if (status !== 200 && status !== 206) {
    throw refused(await readAnswer(response, doing, signal), doing, client.clock);
  }
  requireSameBytes(response, resource, range, doing);
  return counted(response, lengthOf(range, resource.size), doing, signal);
}

function requireSameBytes(response: IncomingMessage, resource: Resource, range: ByteRange, doing: Operation): void {
  const { 'content-encoding': encoding, 'x-goog-generation': generation, 'content-range': carried } = response.headers;
  if (typeof generation === 'string' && generation !== resource.generation) throw replaced(resource.generation, doing);
  if ((encoding === 'gzip') !== (resource.headers.contentEncoding === 'gzip')) {
    throw fail('invalid', 'it sent other bytes than it stores: gzip was added or taken off', doing);
  }
  const contentRange = response.statusCode === 206 ? (carried ?? '') : undefined;
  if (isWhole(range) && contentRange !== undefined)
    throw fail('invalid', 'it sent a part where all was asked for', doing);
  const size = wholeSize({ contentRange }, range, (code, what) => fail(code, what, doing));
  if (size !== undefined && size !== resource.size) {
    throw fail('invalid', `it sent bytes of ${size} where it says that there are ${resource.size}`, doing);
  }
}

async function* counted(
  response: IncomingMessage,
  size: number,
  doing: Operation,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let left = size;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      left -= chunk.length;
      if (left < 0) throw fail('invalid', `it sent more than the ${size} bytes it announced`, doing);
      yield chunk;
    }
  } catch (error) {
    throw translated(error, doing, signal);
  }
  if (left > 0) throw fail('unavailable', `the body ended ${left} bytes early`, doing);
}

function replaced(version: string, doing: Operation): Error {
  return fail('conflict', `generation ${version} is not there any more`, doing);
}
