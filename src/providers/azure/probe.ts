import { randomUUID } from 'node:crypto';
import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import type { Connection } from './connection.ts';
import type { Transactional } from './checksums.ts';
import { echoed, sent, transactional } from './checksums.ts';
import type { ListingTraits } from './listing.ts';
import { tellsNothing } from './errors.ts';
import { probeListing } from './probe-listing.ts';

/** What this container was seen to do. Everything is unknown, hence absent or false, until it was seen. */
export interface Facts {
  /** The checksum of a Put Blob, and of a Put Block, that is enforced and told back. */
  readonly put?: Transactional;
  readonly part?: Transactional;
  readonly conditionalWrites: boolean;
  readonly conditionalDeletes: boolean;
  readonly listing: ListingTraits;
}

export const unprobed: Facts = {
  conditionalWrites: false,
  conditionalDeletes: false,
  listing: { ordered: false, startsFrom: false },
};

/** Bytes with well-known checksums; a wrong one differs from it in the last bit. */
const canary = Buffer.from('123456789');
const right = { crc64nvme: 'ae8b14860a799888', md5: '25f9e794323b453885f5181f1b624d0b' };
const wrong = { crc64nvme: 'ae8b14860a799889', md5: '25f9e794323b453885f5181f1b624d0a' };

/** Writes canaries below `.holdfast/probe/` and removes them again, but for the few that the order of listings needs. */
export async function probe(connection: Connection, signal: AbortSignal): Promise<Facts> {
  const key = `${connection.reserved}probe/${randomUUID()}`;
  try {
    const put = await firstEnforced((algorithm) => putEnforces(connection, key, algorithm, signal));
    const part = await firstEnforced((algorithm) => partEnforces(connection, key, algorithm, signal));
    const conditionalWrites = await enforcesConditions(connection, key, signal);
    const conditionalDeletes = await enforcesConditionOfDelete(connection, key, signal);
    const listing = await probeListing(connection, signal);
    return { ...(put && { put }), ...(part && { part }), conditionalWrites, conditionalDeletes, listing };
  } finally {
    await removeCanary(connection, key, signal);
  }
}

async function firstEnforced(
  enforces: (algorithm: Transactional) => Promise<boolean>,
): Promise<Transactional | undefined> {
  for (const algorithm of transactional) {
    if (await enforces(algorithm)) return algorithm;
  }
  return undefined;
}

/** A wrong checksum must be refused as such, and the right one accepted and told back. */
async function putEnforces(
  connection: Connection,
  key: Key,
  algorithm: Transactional,
  signal: AbortSignal,
): Promise<boolean> {
  const put = (checksums: typeof right) => () =>
    connection.blob(key, 'probe').upload(canary, canary.length, { abortSignal: signal, ...sent(algorithm, checksums) });
  if ((await refusal(connection, key, put(wrong), signal)) !== 'checksum-mismatch') return false;
  const answer = await unlessRefused(connection, key, put(right), signal);
  return answer !== undefined && echoed(algorithm, right, answer) === 'equal';
}

async function partEnforces(
  connection: Connection,
  key: Key,
  algorithm: Transactional,
  signal: AbortSignal,
): Promise<boolean> {
  const id = Buffer.from(randomUUID() + '0'.repeat(12)).toString('base64');
  const blob = connection.blob(key, 'probe');
  const stage = (checksums: typeof right) => () =>
    blob.stageBlock(id, canary, canary.length, { abortSignal: signal, ...sent(algorithm, checksums) });
  if ((await refusal(connection, key, stage(wrong), signal)) !== 'checksum-mismatch') return false;
  const answer = await unlessRefused(connection, key, stage(right), signal);
  return answer !== undefined && echoed(algorithm, right, answer) === 'equal';
}

/** Both ways of writing must refuse to replace a blob that is there, and to replace another version than named. */
async function enforcesConditions(connection: Connection, key: Key, signal: AbortSignal): Promise<boolean> {
  const blob = connection.blob(key, 'probe');
  const make = () => blob.upload(canary, canary.length, { abortSignal: signal });
  await connection.attempt({ verb: 'probe', key }, make, signal);
  for (const conditions of [{ ifNoneMatch: '*' }, { ifMatch: '"0x0"' }]) {
    const writes = [
      () => blob.upload(canary, canary.length, { abortSignal: signal, conditions }),
      () => blob.commitBlockList([], { abortSignal: signal, conditions }),
    ];
    for (const write of writes) {
      if ((await refusal(connection, key, write, signal)) !== 'conflict') return false;
    }
  }
  return true;
}

/** Credentials that lack the right to delete are refused for that, which enforces nothing. */
async function enforcesConditionOfDelete(connection: Connection, key: Key, signal: AbortSignal): Promise<boolean> {
  const conditions = { ifMatch: '"0x0"' };
  const remove = () => connection.blob(key, 'probe').delete({ abortSignal: signal, conditions });
  try {
    return (await refusal(connection, key, remove, signal)) === 'conflict';
  } catch (error) {
    // `not-found`: the writes of this probe were accepted and not kept.
    if (error instanceof ProviderError && ['denied', 'not-found'].includes(error.code)) return false;
    throw error;
  }
}

/** The code a call is refused with; undefined when it is accepted. */
async function refusal(
  connection: Connection,
  key: Key,
  call: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<ProviderError['code'] | undefined> {
  try {
    await connection.attempt({ verb: 'probe', key }, call, signal);
    return undefined;
  } catch (error) {
    if (tellsNothing(error)) throw error;
    return (error as ProviderError).code;
  }
}

async function unlessRefused<T>(
  connection: Connection,
  key: Key,
  call: () => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await connection.attempt({ verb: 'probe', key }, call, signal);
  } catch (error) {
    if (tellsNothing(error)) throw error;
    return undefined;
  }
}

/** A canary left behind is harmless, and credentials may lack the right to delete. */
async function removeCanary(connection: Connection, key: Key, signal: AbortSignal): Promise<void> {
  const remove = () => connection.blob(key, 'probe').deleteIfExists({ abortSignal: signal });
  try {
    await connection.attempt({ verb: 'clean up', key }, remove, signal);
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
  }
}
