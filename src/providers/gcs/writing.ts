import type { Key } from '../../objects/key.ts';
import { descriptionKey, serializeDescription } from '../description.ts';
import type { PutOptions, StoredCopy } from '../provider.ts';
import type { Description } from '../record.ts';
import { describe } from '../record.ts';
import type { GcsClient } from './client.ts';
import { operation } from './client.ts';
import { fail } from './errors.ts';
import { rules, writtenHeaders } from './metadata.ts';
import { insert, remove } from './objects.ts';
import type { Resource } from './resource.ts';
import { toBase64 } from './resource.ts';

/** What the probe found out about checksums in the answers to writes. */
export interface Reports {
  /** The server's crc32c field can be compared with ours. */
  readonly comparable: boolean;
  /** It proves that every byte arrived. */
  readonly proof: boolean;
}

export async function putObject(
  client: GcsClient,
  key: Key,
  bytes: Buffer,
  options: PutOptions,
  reports: Reports,
  signal: AbortSignal,
): Promise<StoredCopy> {
  const { attributes, record, digest, precondition } = options;
  const { metadata, description } = describe(attributes, record, rules);
  if (description !== undefined) await writeDescription(client, description.id, description.content, signal);
  const crc32c = digest.crc32c === undefined ? {} : { crc32c: toBase64(digest.crc32c) };
  const object = { name: key, ...writtenHeaders(attributes), metadata, ...crc32c };
  const resource = await insert(client, object, bytes, precondition, signal);
  return settled(client, resource, { size: bytes.length, crc32c: digest.crc32c }, reports, signal);
}

/** Stores what the metadata of a copy cannot hold. Written before the copy, which names it. */
export async function writeDescription(
  client: GcsClient,
  id: string,
  content: Description,
  signal: AbortSignal,
): Promise<void> {
  const object = { name: descriptionKey(client.reserved, id), contentType: 'application/json' };
  await insert(client, object, serializeDescription(content), undefined, signal);
}

export interface Sent {
  readonly size: number;
  readonly crc32c: string | undefined;
}

/**
 * Judges a finished write by what the server says it stored.
 * @throws ProviderError `checksum-mismatch` when that is not what was sent; the generation is deleted before.
 */
export async function settled(
  client: GcsClient,
  resource: Resource,
  sent: Sent,
  reports: Reports,
  signal: AbortSignal,
): Promise<StoredCopy> {
  const { name, size, generation, checksums } = resource;
  const known = reports.comparable && checksums.crc32c !== undefined && sent.crc32c !== undefined;
  const same = known && checksums.crc32c === sent.crc32c;
  if (size !== sent.size || (known && !same)) {
    const found = `${size} bytes with crc32c ${checksums.crc32c ?? 'unknown'}`;
    const what = `it stored ${found} instead of ${sent.size} bytes with crc32c ${sent.crc32c ?? 'unknown'}`;
    const left = await discard(client, name, generation, signal);
    throw fail('checksum-mismatch', what + left, operation(client, 'write', name));
  }
  return { version: generation, size, ...(same && reports.proof ? { attested: 'crc32c' as const } : {}) };
}

/** Deletes exactly the damaged generation. @returns what to add to the message when it could not. */
async function discard(client: GcsClient, key: Key, generation: string, signal: AbortSignal): Promise<string> {
  try {
    await remove(client, key, { generation }, signal);
    return '';
  } catch {
    return `, and the damaged generation ${generation} could not be deleted`;
  }
}
