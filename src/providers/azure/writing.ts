import type { BlobRequestConditions, Metadata } from '@azure/storage-blob';
import type { Key } from '../../objects/key.ts';
import type { Attributes, CopyRecord } from '../../objects/object.ts';
import type { DeleteOptions, Precondition, PutOptions, StoredCopy } from '../provider.ts';
import { quoted } from '../etag.ts';
import { describe } from '../record.ts';
import type { Transactional } from './checksums.ts';
import { echoed, sent } from './checksums.ts';
import type { Connection } from './connection.ts';
import { writeDescription } from './descriptions.ts';
import { fail } from './errors.ts';
import { requireVersion } from './head.ts';
import { rules, writtenHeaders } from './metadata.ts';
import { canHoldKey } from './names.ts';

/** Put Blob: one request for the whole object. `algorithm` is the checksum that the probe saw enforced. */
export async function putBlob(
  connection: Connection,
  algorithm: Transactional | undefined,
  key: Key,
  bytes: Buffer,
  { attributes, record, digest, precondition }: PutOptions,
  signal: AbortSignal,
): Promise<StoredCopy> {
  requireHoldable(connection, key);
  const options = {
    ...(await nativeDescription(connection, attributes, record, signal)),
    ...sent(algorithm, digest),
    abortSignal: signal,
    conditions: conditionsOf(precondition),
  };
  const write = () => connection.put(key, bytes, options);
  const answer = await connection.attempt({ verb: 'write', key }, write, signal);
  const echo = echoed(algorithm, digest, answer);
  if (echo === 'different') throw damagedOnArrival(connection, 'write', key);
  return {
    version: requireVersion(connection, key, answer),
    size: bytes.length,
    ...(algorithm !== undefined && echo === 'equal' ? { attested: algorithm } : {}),
  };
}

/** A delete that Azure refuses because of snapshots stays refused: snapshots are somebody else's, ours has none. */
export async function deleteBlob(
  connection: Connection,
  key: Key,
  { precondition }: DeleteOptions,
  signal: AbortSignal,
): Promise<void> {
  const blob = connection.blob(key, 'delete');
  const remove = async () => {
    try {
      await blob.delete({ abortSignal: signal, conditions: conditionsOf(precondition) });
    } catch (error) {
      if (!isBlobNotFound(error)) throw error;
    }
  };
  await connection.attempt({ verb: 'delete', key }, remove, signal);
}

/** Headers and metadata for a write; what metadata cannot hold is stored beside the object first. */
export async function nativeDescription(
  connection: Connection,
  attributes: Attributes,
  record: CopyRecord,
  signal: AbortSignal,
): Promise<{ readonly metadata: Metadata; readonly blobHTTPHeaders: ReturnType<typeof writtenHeaders> }> {
  const { metadata, description } = describe(attributes, record, rules);
  if (description !== undefined) await writeDescription(connection, description, signal);
  return { metadata, blobHTTPHeaders: writtenHeaders(attributes) };
}

export function conditionsOf(precondition: Precondition | undefined): BlobRequestConditions {
  if (precondition === undefined) return {};
  return 'absent' in precondition ? { ifNoneMatch: '*' } : { ifMatch: quoted(precondition.version) };
}

/** @throws ProviderError `unsupported`; see `canHoldKey`. */
export function requireHoldable(connection: Connection, key: Key): void {
  if (canHoldKey(key)) return;
  const rule =
    'Azure is not sure to keep this name: it takes 1 to 1024 characters in at most 254 segments, none of them empty or ending with a dot, no control, format or private-use characters, no backslash';
  throw fail('unsupported', rule, connection.operation('write', key));
}

export function damagedOnArrival(connection: Connection, verb: string, key: Key) {
  const what = 'Azure stored bytes with another checksum than those sent. They were damaged on their way';
  return fail('checksum-mismatch', what, connection.operation(verb, key));
}

function isBlobNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'BlobNotFound';
}
