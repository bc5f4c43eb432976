import { randomBytes } from 'node:crypto';
import type { ErrorCode } from '../../objects/errors.ts';
import { ProviderError } from '../../objects/errors.ts';
import type { S3Connection } from './client.ts';
import { probeConditions, probePut } from './probe-put.ts';
import { probeKeys } from './probe-keys.ts';
import { probeUpload } from './probe-upload.ts';
import type { ServerFacts } from './facts.ts';

/**
 * Finds out what the server behind a target really does, with canaries below `.holdfast/probe/`. What it says of
 * itself is no proof: some servers take checksum headers and check nothing.
 *
 * Requests: 1 list + at most 10 puts of key canaries and 1 list (the first time; 3 puts and 1 list later, for the
 * keys a file-system server folds), 3 to 6 for put, 1 for preconditions, 7 to 12 for uploads, 1 delete: at most 32, on AWS 24 the
 * first time and 14 later.
 */
export async function probeTarget(connection: S3Connection, signal: AbortSignal): Promise<ServerFacts> {
  const { listing, keys } = await probeKeys(connection, signal);
  const canary = `${connection.reserved}probe/${randomBytes(8).toString('hex')}`;
  try {
    const put = await probePut(connection, canary, signal);
    const conditionalPuts = await probeConditions(connection, canary, signal);
    const { conditional, ...upload } = await probeUpload(connection, canary, signal);
    return { ...put, ...upload, listing, keys, conditionalWrites: conditionalPuts && conditional, probed: true };
  } finally {
    await removeCanary(connection, canary, signal);
  }
}

/** Credentials that may write and not delete are a good idea for a target: its canaries then stay. */
async function removeCanary(connection: S3Connection, key: string, signal: AbortSignal): Promise<void> {
  const { client, sdk, bucket } = connection;
  await connection
    .call({ operation: 'DeleteObject', key }, signal, (options) =>
      client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }), options),
    )
    .catch(() => undefined);
}

/** What became of a request that a server may lack a feature for. */
export type Outcome<Answer> = { readonly accepted: Answer } | { readonly refused: ProviderError };

/**
 * Lets a refusal be an answer. That the server cannot be reached, or that the credentials do not allow it, is none,
 * unless `denied` may be how a server refuses the feature.
 */
export async function attempt<Answer>(
  call: Promise<Answer>,
  { deniedIsAnswer = false }: { readonly deniedIsAnswer?: boolean } = {},
): Promise<Outcome<Answer>> {
  try {
    return { accepted: await call };
  } catch (error) {
    if (!(error instanceof ProviderError) || isNoAnswer.has(error.code)) throw error;
    if (error.code === 'denied' && !deniedIsAnswer) throw error;
    return { refused: error };
  }
}

const isNoAnswer: ReadonlySet<ErrorCode> = new Set(['aborted', 'unavailable', 'throttled']);

/** Refused because of the checksum, not because the feature is unknown. */
export function isCaught(outcome: Outcome<unknown>): boolean {
  return 'refused' in outcome && outcome.refused.code === 'checksum-mismatch';
}
