import type { ListMultipartUploadsCommandOutput, ListPartsCommandOutput } from '@aws-sdk/client-s3';
import { ProviderError } from '../../objects/errors.ts';
import type { Key } from '../../objects/key.ts';
import { versionOf } from '../etag.ts';
import type { OpenUpload } from '../provider.ts';
import { base64ToHex, wholeCrc32c } from './checksums.ts';
import type { S3Connection } from './client.ts';
import type { ServerFacts } from './facts.ts';
import { decodeKey } from './listing.ts';

/** A part that the server says it holds. */
export interface HeldPart {
  readonly size: number;
  readonly etag: string;
  /** Absent where the server does not list it. */
  readonly crc32c?: string;
}

interface Target {
  readonly Bucket: string;
  readonly Key: Key;
  readonly UploadId: string;
}

/** @returns undefined when there is no such upload, or the server will not list its parts. */
export async function heldParts(
  connection: S3Connection,
  target: Target,
  signal: AbortSignal,
): Promise<Map<number, HeldPart> | undefined> {
  const held = new Map<number, HeldPart>();
  let marker: string | undefined;
  try {
    do {
      const answer = await requestParts(connection, target, marker, signal);
      for (const part of answer.Parts ?? []) addPart(held, part);
      marker = nextMarker(answer, marker);
    } while (marker !== undefined);
  } catch (error) {
    if (error instanceof ProviderError && tellsThatItCannot.has(error.code)) return undefined;
    throw error;
  }
  return held;
}

/** `denied`: the right to list parts is one of its own, and without it an upload is begun anew. */
const tellsThatItCannot: ReadonlySet<string> = new Set(['not-found', 'denied', 'unsupported', 'invalid']);

function requestParts(
  connection: S3Connection,
  target: Target,
  marker: string | undefined,
  signal: AbortSignal,
): Promise<ListPartsCommandOutput> {
  const { client, sdk } = connection;
  const input = { ...target, ...(marker === undefined ? {} : { PartNumberMarker: marker }) };
  return connection.call({ operation: 'ListParts', key: target.Key }, signal, (sending) =>
    client.send(new sdk.ListPartsCommand(input), sending),
  );
}

function addPart(held: Map<number, HeldPart>, part: NonNullable<ListPartsCommandOutput['Parts']>[number]): void {
  const { PartNumber, Size, ETag, ChecksumCRC32C } = part;
  if (PartNumber === undefined || Size === undefined || ETag === undefined) return;
  const crc32c = ChecksumCRC32C === undefined ? {} : { crc32c: base64ToHex(ChecksumCRC32C) };
  held.set(PartNumber, { size: Size, etag: versionOf(ETag), ...crc32c });
}

/** A marker that does not get on would make a circle; what was not listed then is sent again. */
function nextMarker({ IsTruncated, NextPartNumberMarker: next }: ListPartsCommandOutput, last = '0') {
  return IsTruncated === true && next !== undefined && Number(next) > Number(last) ? next : undefined;
}

/** The open uploads of exactly this key, but for the known ones: keys come in order, so that it is the first of those that start with it. */
export async function uploadsAt(
  connection: S3Connection,
  facts: ServerFacts,
  key: Key,
  known: readonly string[],
  signal: AbortSignal,
): Promise<readonly OpenUpload[]> {
  const found = await findUploads(connection, key, (name) => name === key, signal);
  for (const checkpoint of known) found.delete(parseCheckpoint(checkpoint).uploadId);
  const uploads: OpenUpload[] = [];
  for (const [uploadId, { startedAt, checksum }] of found) {
    const target = { Bucket: connection.bucket, Key: key, UploadId: uploadId };
    const fresh = isBegunAsOurs(facts, checksum) ? await isEmpty(connection, target, signal) : false;
    uploads.push({ checkpoint: uploadCheckpoint({ uploadId }), startedAt, ...(fresh === undefined ? {} : { fresh }) });
  }
  return uploads;
}

/**
 * AWS and versitygw list what an upload was begun with; who tells nothing may have begun it either way. Where CRC32C is not
 * asked for, a server may show one that it chose itself. The initiator tells nothing: with a role it is another one at
 * every start.
 */
function isBegunAsOurs({ uploadAttestation }: ServerFacts, { algorithm, type }: Checksum): boolean {
  if (uploadAttestation !== 'crc32c') return true;
  const { ChecksumAlgorithm, ChecksumType } = wholeCrc32c;
  return (algorithm ?? ChecksumAlgorithm) === ChecksumAlgorithm && (type ?? ChecksumType) === ChecksumType;
}

/** @returns undefined where the server does not tell. */
async function isEmpty(connection: S3Connection, target: Target, signal: AbortSignal): Promise<boolean | undefined> {
  try {
    const { Parts: parts = [] } = await requestParts(connection, target, undefined, signal);
    return parts.length === 0;
  } catch (error) {
    if (error instanceof ProviderError && tellsThatItCannot.has(error.code)) return undefined;
    throw error;
  }
}

/** What a probe that was killed left: Holdfast's own by its name. Empty where the server does not tell. */
export async function probeUploads(connection: S3Connection, signal: AbortSignal): Promise<readonly OpenUpload[]> {
  try {
    const found = await findUploads(connection, probePrefix(connection), () => true, signal);
    return [...found].map(([uploadId, { key, startedAt }]) => ({
      checkpoint: uploadCheckpoint({ uploadId, key }),
      startedAt,
    }));
  } catch (error) {
    if (error instanceof ProviderError && tellsThatItCannot.has(error.code)) return [];
    throw error;
  }
}

/** The upload of a probe that a checkpoint names; undefined for any other. */
export function ofProbe(connection: S3Connection, checkpoint: string): { key: Key; uploadId: string } | undefined {
  const { key, uploadId } = parseCheckpoint(checkpoint);
  return key?.startsWith(probePrefix(connection)) === true ? { key, uploadId } : undefined;
}

function probePrefix({ reserved }: S3Connection): string {
  return `${reserved}probe/`;
}

/** As the server lists it. */
interface Checksum {
  readonly algorithm: string | undefined;
  readonly type: string | undefined;
}

interface Found {
  readonly key: Key;
  readonly startedAt: number;
  readonly checksum: Checksum;
}

async function findUploads(
  connection: S3Connection,
  prefix: string,
  isWanted: (key: Key) => boolean,
  signal: AbortSignal,
): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  let after: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } | undefined = {};
  while (after !== undefined) {
    const answer = await requestUploads(connection, prefix, after, signal);
    const before = found.size;
    for (const upload of answer.Uploads ?? []) {
      const { Key: name = '', UploadId, Initiated, ChecksumAlgorithm: algorithm, ChecksumType: type } = upload;
      const key = keyOf(connection, answer, name);
      if (!key.startsWith(prefix) || !isWanted(key) || UploadId === undefined || Initiated === undefined) continue;
      found.set(UploadId, { key, startedAt: Initiated.getTime(), checksum: { algorithm, type } });
    }
    after = found.size > before ? nextPage(answer) : undefined;
  }
  return found;
}

function requestUploads(connection: S3Connection, prefix: string, after: object, signal: AbortSignal) {
  const { client, sdk, bucket } = connection;
  const input = { Bucket: bucket, Prefix: prefix, EncodingType: 'url', ...after } as const;
  return connection.call({ operation: 'ListMultipartUploads', key: prefix }, signal, (sending) =>
    client.send(new sdk.ListMultipartUploadsCommand(input), sending),
  );
}

function keyOf(connection: S3Connection, { EncodingType }: ListMultipartUploadsCommandOutput, name: string): Key {
  return EncodingType === 'url' ? decodeKey(connection, name) : name;
}

function nextPage({ IsTruncated, NextKeyMarker, NextUploadIdMarker }: ListMultipartUploadsCommandOutput) {
  if (IsTruncated !== true || NextKeyMarker === undefined || NextUploadIdMarker === undefined) return undefined;
  return { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker };
}

/** What an S3 upload is taken up by. `id` is that of its description, which only who began it knows. */
export interface S3Checkpoint {
  readonly uploadId: string;
  readonly id?: string;
  /** Only of a probe's. */
  readonly key?: Key;
  /** What the server proves of it; an upload begun otherwise proves nothing else later. */
  readonly attestation?: string;
}

export function uploadCheckpoint(checkpoint: S3Checkpoint): string {
  return JSON.stringify(checkpoint);
}

export function parseCheckpoint(text: string): S3Checkpoint {
  return JSON.parse(text) as S3Checkpoint;
}
