import { createHash } from 'node:crypto';
import { crc32c } from '@node-rs/crc32';
import type { Fault } from './faults.ts';
import { GcsError, piecesOf } from './respond.ts';

/** The writable part of an object's resource, as clients send it. */
export type Metadata = Readonly<Record<string, unknown>>;

export interface StoredObject {
  /** Told where it need not be the one that was asked for. */
  readonly bucket?: string;
  readonly name: string;
  readonly bytes: Buffer;
  readonly generation: string;
  readonly metageneration: string;
  readonly updated: string;
  readonly crc32c: string;
  readonly md5Hash: string;
  readonly metadata: Metadata;
}

/** Objects by name. Tests may look into it and change it. */
export type Bucket = Map<string, StoredObject>;

export interface Claims {
  readonly crc32c?: string;
  readonly md5Hash?: string;
}

let lastGeneration = 1_700_000_000_000_000n;

/** Writes an object if it is what it claims to be and the precondition holds. */
export function store(
  bucket: Bucket,
  object: { readonly name: string; readonly bytes: Buffer; readonly metadata: Metadata; readonly claims: Claims },
  ifGenerationMatch: string | null,
  faults: ReadonlySet<Fault>,
): StoredObject {
  const { name, bytes, metadata, claims } = object;
  requireName(name);
  const computed = checksumsOf(bytes);
  if (!faults.has('lie-about-checksums') && !faults.has('ignore-checksums')) requireClaims(claims, computed);
  if (!faults.has('ignore-preconditions')) requireGeneration(bucket.get(name), ifGenerationMatch);
  lastGeneration += 1n;
  const stored: StoredObject = {
    ...{ name, bytes, metadata, metageneration: '1' },
    generation: String(lastGeneration),
    updated: new Date().toISOString(),
    ...computed,
    ...(faults.has('lie-about-checksums') ? claims : {}),
  };
  bucket.set(name, stored);
  return stored;
}

export function requireGeneration(current: StoredObject | undefined, ifGenerationMatch: string | null): void {
  if (ifGenerationMatch === null || ifGenerationMatch === (current?.generation ?? '0')) return;
  throw new GcsError(412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.');
}

/** @throws 404 when there is none, or not of the generation asked for. */
export function find(bucket: Bucket, name: string, generation: string | null): StoredObject {
  const object = bucket.get(name);
  if (object === undefined || (generation !== null && generation !== object.generation)) {
    throw new GcsError(404, 'notFound', `No such object: ${name}`);
  }
  return object;
}

/** The object's resource, reduced to the fields asked for as in `name,size`. */
export function resourceOf(object: StoredObject, fields: string | null, faults: ReadonlySet<Fault>): Metadata {
  const { bytes, metadata, crc32c: crc, md5Hash, ...rest } = object;
  const whole = {
    ...{ kind: 'storage#object', contentType: 'application/octet-stream', ...metadata },
    ...{ ...rest, size: String(bytes.length), timeCreated: rest.updated },
    ...(faults.has('no-checksums') ? {} : { crc32c: crc, md5Hash }),
  };
  if (fields === null) return whole;
  const wanted = new Set(fields.split(','));
  return Object.fromEntries(Object.entries(whole).filter(([name]) => wanted.has(name)));
}

function checksumsOf(bytes: Buffer): Required<Claims> {
  const md5 = createHash('md5');
  let sum = 0;
  for (const piece of piecesOf(bytes)) {
    sum = crc32c(piece, sum);
    md5.update(piece);
  }
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(sum);
  return { crc32c: crc.toString('base64'), md5Hash: md5.digest('base64') };
}

function requireClaims(claims: Claims, computed: Required<Claims>): void {
  for (const [name, label] of [
    ['crc32c', 'CRC32C'],
    ['md5Hash', 'MD5 hash'],
  ] as const) {
    const claimed = claims[name];
    if (claimed === undefined || claimed === computed[name]) continue;
    const message = `Provided ${label} "${claimed}" doesn't match calculated ${label} "${computed[name]}".`;
    throw new GcsError(400, 'invalid', message);
  }
}

function requireName(name: string): void {
  const bytes = Buffer.byteLength(name);
  const legal = bytes >= 1 && bytes <= 1_024 && !/[\r\n]/.test(name) && name !== '.' && name !== '..';
  if (!legal || name.startsWith('.well-known/acme-challenge/')) {
    throw new GcsError(400, 'invalid', `Disallowed object name: ${JSON.stringify(name)}`);
  }
}
