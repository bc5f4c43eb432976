import type { Key } from '../../objects/key.ts';
import type { ObjectHead } from '../../objects/object.ts';
import { describedHead } from '../description.ts';
import { versionOf } from '../etag.ts';
import type { Connection } from './connection.ts';
import { readDescription } from './descriptions.ts';
import { fail } from './errors.ts';
import type { BlobHeaders } from './metadata.ts';
import { selfPortrait } from './metadata.ts';

export interface VersionHeaders {
  readonly etag?: string;
  readonly lastModified?: Date;
}

export async function headBlob(connection: Connection, key: Key, signal: AbortSignal): Promise<ObjectHead> {
  const blob = connection.blob(key, 'look at');
  const ask = () => blob.getProperties({ abortSignal: signal });
  const answer = await connection.attempt({ verb: 'look at', key }, ask, signal);
  return toHead(connection, key, answer, answer.contentLength, signal);
}

/**
 * No `checksums` are told: the only one a blob shows is Content-MD5, and nothing tells where it comes from. Put Blob
 * computes it, but Put Block List and Set Blob Properties store whatever their caller says, unchecked. Metadata
 * that says "written by a single put" travels along when tools copy a blob block by block together with its
 * properties, so not even a record of ours proves it.
 *
 * @param size of the whole object, whatever part of it the answer carries.
 */
export async function toHead(
  connection: Connection,
  key: Key,
  headers: BlobHeaders & VersionHeaders,
  size: number | undefined,
  signal: AbortSignal,
): Promise<ObjectHead> {
  const own = selfPortrait(headers);
  const { descriptionId } = own;
  const described = descriptionId === undefined ? undefined : await readDescription(connection, descriptionId, signal);
  const info = {
    key,
    size: size ?? missing(connection, key, 'Content-Length'),
    version: requireVersion(connection, key, headers),
    modifiedAt: headers.lastModified?.getTime() ?? missing(connection, key, 'Last-Modified'),
  };
  return describedHead(info, own, described);
}

/** @throws ProviderError `invalid`: without an ETag nothing tells whether an object changed. */
export function requireVersion(connection: Connection, key: Key, { etag }: VersionHeaders): string {
  const version = versionOf(etag ?? '');
  return version === '' ? missing(connection, key, 'ETag') : version;
}

function missing(connection: Connection, key: Key, header: string): never {
  const what = `the answer lacks ${header}. Check the server, or a proxy in front of it`;
  throw fail('invalid', what, connection.operation('look at', key));
}
