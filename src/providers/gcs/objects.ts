import { randomUUID } from 'node:crypto';
import type { Key } from '../../objects/key.ts';
import type { Precondition } from '../provider.ts';
import type { GcsClient } from './client.ts';
import { call, callForJson, objectPath, operation, query } from './client.ts';
import type { Operation } from './errors.ts';
import { fail } from './errors.ts';
import type { Resource } from './resource.ts';
import { headFields, listFields, parseResource } from './resource.ts';

/** The metadata an object is created with: the writable part of its resource. */
export interface NewObject {
  readonly name: Key;
  readonly contentType: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Base64. The server then refuses other bytes. */
  readonly crc32c?: string;
  readonly [header: string]: unknown;
}

export const writtenFields = `bucket,${listFields}`;

export function preconditionQuery(precondition: Precondition | undefined): { ifGenerationMatch?: string } {
  if (precondition === undefined) return {};
  return { ifGenerationMatch: 'absent' in precondition ? '0' : precondition.version };
}

/** Creates or replaces an object in one request (uploadType=multipart). */
export async function insert(
  client: GcsClient,
  object: NewObject,
  bytes: Uint8Array,
  precondition: Precondition | undefined,
  signal: AbortSignal,
): Promise<Resource> {
  const doing = operation(client, 'write', object.name);
  const parameters = { uploadType: 'multipart', fields: writtenFields, ...preconditionQuery(precondition) };
  const boundary = randomUUID();
  const before =
    `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify(object)}\r\n` +
    `--${boundary}\r\nContent-Type: ${object.contentType}\r\n\r\n`;
  const request = {
    method: 'POST',
    path: `/upload/storage/v1/b/${encodeURIComponent(client.bucket)}/o?${query(parameters)}`,
    headers: { 'Content-Type': `multipart/related; boundary=${boundary}` },
    body: [Buffer.from(before), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)],
  } as const;
  return writtenResource(client, await callForJson(client, request, doing, signal), object.name, doing);
}

/**
 * The resource that answers a write. Some servers leave out the time; nobody asks a fresh write for it.
 * @throws ProviderError `conflict` when it was written elsewhere: the path of a session decides that, not who sends the bytes.
 */
export function writtenResource(
  { bucket }: GcsClient,
  value: Record<string, unknown>,
  name: Key,
  doing: Operation,
): Resource {
  if ((value.name ?? name) !== name || (value.bucket ?? bucket) !== bucket) {
    const there = `${JSON.stringify(value.name)} in bucket ${JSON.stringify(value.bucket)}`;
    throw fail('conflict', `the server wrote ${there} instead; it has to begin anew`, doing);
  }
  return parseResource({ ...value, name, updated: value.updated ?? new Date(0).toISOString() }, doing);
}

/** @param generation of a version that may have been replaced; default: the live one. */
export async function getResource(
  client: GcsClient,
  key: Key,
  signal: AbortSignal,
  generation?: string,
): Promise<Resource> {
  const doing = operation(client, 'look up', key);
  const path = `${objectPath(client, key)}?${query({ fields: headFields, generation })}`;
  return parseResource(await callForJson(client, { method: 'GET', path }, doing, signal), doing);
}

/**
 * Deletes the object, where given only if the live generation is `ifGenerationMatch`. `generation` would remove
 * that generation for good even from a bucket with versioning: only for what must never be seen again.
 */
export async function remove(
  client: GcsClient,
  key: Key,
  which: { readonly ifGenerationMatch?: string; readonly generation?: string },
  signal: AbortSignal,
): Promise<void> {
  const parameters = query({ ...which });
  const path = objectPath(client, key) + (parameters === '' ? '' : `?${parameters}`);
  await call(client, { method: 'DELETE', path }, operation(client, 'delete', key), signal, [404]);
}
