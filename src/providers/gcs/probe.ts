import { createHash, randomUUID } from 'node:crypto';
import { crc32c } from '@node-rs/crc32';
import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { isAscending, orderCanaries, startCanary } from '../key-order.ts';
import type { GcsClient } from './client.ts';
import { call, objectPath, operation, query } from './client.ts';
import { listObjects } from './listing.ts';
import { insert, remove } from './objects.ts';
import { provesStart } from './probe-start.ts';
import type { Resource } from './resource.ts';
import { toBase64 } from './resource.ts';
import type { Session } from './session.ts';
import { progressIfThere, sendChunk, startSession } from './session.ts';

/** What canaries showed. */
export interface Findings {
  /** The server compared what a put stored with the crc32c sent along, or computed its own in spite of a wrong one. */
  readonly provesPut: boolean;
  readonly provesUpload: boolean;
  /** Asked how much of an upload it has, the server tells; an emulator takes that for the end of the upload. */
  readonly tellsProgress: boolean;
  /** The server computes these by itself when nothing is sent. */
  readonly computes: { readonly crc32c: boolean; readonly md5: boolean };
  readonly conditionalWrites: boolean;
  readonly conditionalDeletes: boolean;
  readonly ordered: boolean;
  /** A listing that was to begin at a key did. */
  readonly startsAt: boolean;
  /** What an overwrite replaced was read back by its generation. */
  readonly keepsReplaced: boolean;
}

/** @param versioning whether the bucket says that it is on: then it is tried. */
export async function probe(client: GcsClient, versioning: boolean, signal: AbortSignal): Promise<Findings> {
  const work = [
    provesPuts(client, signal),
    probeUpload(client, signal),
    probePlain(client, signal),
    probeOrder(client, signal),
    keepsReplaced(client, versioning, signal),
  ] as const;
  // All end before an error is thrown, so that nothing is still writing canaries after it.
  await Promise.allSettled(work);
  const [provesPut, upload, plain, order, keeps] = await Promise.all(work);
  return { provesPut, ...upload, ...plain, ...order, keepsReplaced: keeps };
}

/** A canary sent with the crc32c of other bytes. */
async function provesPuts(client: GcsClient, signal: AbortSignal): Promise<boolean> {
  const { bytes, right, wrong } = canary();
  const object = { ...newCanary(client), crc32c: toBase64(wrong) };
  return isProof(client, insert(client, object, bytes, undefined, signal), right, signal);
}

async function probeUpload(
  client: GcsClient,
  signal: AbortSignal,
): Promise<Pick<Findings, 'provesUpload' | 'tellsProgress'>> {
  const { bytes, right, wrong } = canary();
  const start = () => startSession(client, newCanary(client), bytes.length, undefined, signal);
  const asked = await start();
  const tellsProgress = await tellsThatNothingCame(asked, signal);
  const sending = sendChunk(tellsProgress ? asked : await start(), 0, bytes, wrong, signal).then((progress) =>
    'finished' in progress ? progress.finished : undefined,
  );
  return { provesUpload: await isProof(client, sending, right, signal), tellsProgress };
}

async function tellsThatNothingCame(session: Session, signal: AbortSignal): Promise<boolean> {
  const progress = await progressIfThere(session, signal);
  if (progress !== undefined && 'finished' in progress) await tidy(session.client, session.object.name, signal);
  return progress !== undefined && 'received' in progress && progress.received === 0;
}

/** Proof is a refusal, or the right checksum in the answer although a wrong one was sent. */
async function isProof(
  client: GcsClient,
  writing: Promise<Resource | undefined>,
  right: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const stored = await writing;
    if (stored !== undefined) await tidy(client, stored.name, signal);
    return stored?.checksums.crc32c === right;
  } catch (error) {
    // Whatever the server calls a wrong checksum; the unharmed canary shows that writing works.
    if (hasCode(error, 'checksum-mismatch', 'invalid')) return true;
    throw error;
  }
}

/** A canary sent without any checksum, and what becomes of it when another generation is to be deleted. */
async function probePlain(
  client: GcsClient,
  signal: AbortSignal,
): Promise<Pick<Findings, 'computes' | 'conditionalDeletes'>> {
  const { bytes, right } = canary();
  const object = newCanary(client);
  const { checksums } = await insert(client, object, bytes, { absent: true }, signal);
  const conditionalDeletes = await keepsOtherGeneration(client, object.name, signal);
  await tidy(client, object.name, signal);
  const md5 = createHash('md5').update(bytes).digest('hex');
  return { computes: { crc32c: checksums.crc32c === right, md5: checksums.md5 === md5 }, conditionalDeletes };
}

/** No generation is that small: they begin with the time in microseconds. */
async function keepsOtherGeneration(client: GcsClient, name: Key, signal: AbortSignal): Promise<boolean> {
  try {
    await remove(client, name, { ifGenerationMatch: '1' }, signal);
    return false;
  } catch (error) {
    // Credentials that may not delete are fine, too: nothing rests on it then.
    if (hasCode(error, 'conflict', 'denied')) return hasCode(error, 'conflict');
    throw error;
  }
}

/** A canary that was overwritten, read by its generation. */
async function keepsReplaced(client: GcsClient, versioning: boolean, signal: AbortSignal): Promise<boolean> {
  if (!versioning) return false;
  const { bytes } = canary();
  const object = newCanary(client);
  const { generation } = await insert(client, object, bytes, undefined, signal);
  await insert(client, object, canary().bytes, undefined, signal);
  const path = `${objectPath(client, object.name)}?${query({ alt: 'media', generation })}`;
  const answer = await call(
    client,
    { method: 'GET', path },
    operation(client, 'read', object.name),
    signal,
    [403, 404],
  );
  await tidy(client, object.name, signal);
  return answer.status === 200 && answer.text === bytes.toString();
}

/** The objects for this stay where they are for the next time: their names never change. */
async function probeOrder(
  client: GcsClient,
  signal: AbortSignal,
): Promise<Pick<Findings, 'ordered' | 'startsAt' | 'conditionalWrites'>> {
  const orderPrefix = `${client.reserved}probe/order/`;
  const wanted = orderCanaries.map((name) => orderPrefix + name);
  let listed = await listNames(client, orderPrefix, signal);
  const missing = wanted.filter((name) => !listed.includes(name));
  for (const name of missing) await writeMark(client, name, signal);
  if (missing.length > 0) listed = await listNames(client, orderPrefix, signal);
  const seen = listed.filter((name) => wanted.includes(name));
  const ordered = seen.length === wanted.length && isAscending(seen);
  const startsAt = ordered && (await provesStart(client, orderPrefix, seen, signal, orderPrefix + startCanary));
  return { ordered, startsAt, conditionalWrites: !(await writeMark(client, wanted[0] ?? '', signal)) };
}

/** @returns false when it was there and the precondition held it back. */
async function writeMark(client: GcsClient, name: Key, signal: AbortSignal): Promise<boolean> {
  try {
    await insert(client, { name, contentType: 'text/plain' }, Buffer.of(), { absent: true }, signal);
    return true;
  } catch (error) {
    if (hasCode(error, 'conflict')) return false;
    throw error;
  }
}

async function listNames(client: GcsClient, prefix: string, signal: AbortSignal): Promise<Key[]> {
  const names: Key[] = [];
  const traits = { ordered: false, startsAt: false, trusted: { crc32c: false, md5: false } };
  for await (const page of listObjects(client, { prefix }, traits, signal)) {
    names.push(...page.entries.map((entry) => entry.key));
  }
  return names;
}

/** Credentials that may not delete are fine; a few canaries then stay. */
async function tidy(client: GcsClient, name: Key, signal: AbortSignal): Promise<void> {
  try {
    await remove(client, name, {}, signal);
  } catch (error) {
    if (!hasCode(error, 'denied')) throw error;
  }
}

function newCanary({ reserved }: GcsClient): { readonly name: Key; readonly contentType: string } {
  return { name: `${reserved}probe/${randomUUID()}`, contentType: 'text/plain' };
}

function canary(): { bytes: Buffer; right: string; wrong: string } {
  const bytes = Buffer.from(`holdfast canary ${randomUUID()}`);
  const hex = (value: number): string => value.toString(16).padStart(8, '0');
  const right = crc32c(bytes);
  return { bytes, right: hex(right), wrong: hex((right ^ 1) >>> 0) };
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof ProviderError && codes.includes(error.code);
}
