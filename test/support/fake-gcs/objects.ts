import { gunzipSync } from 'node:zlib';
import type { Call } from './call.ts';
import { flipped } from './faults.ts';
import type { Answer } from './respond.ts';
import type { StoredObject } from './store.ts';
import { find, requireGeneration, resourceOf } from './store.ts';

export function getObject(call: Call): Answer {
  const object = find(call.bucket(), call.key ?? '', call.query.get('generation'));
  return { body: resourceOf(object, call.query.get('fields'), call.faults) };
}

export function deleteObject(call: Call): Answer {
  const { query, faults, key = '' } = call;
  const bucket = call.bucket();
  const object = find(bucket, key, query.get('generation'));
  if (!faults.has('ignore-preconditions')) requireGeneration(object, query.get('ifGenerationMatch'));
  bucket.delete(key);
  return { status: 204 };
}

export function patchObject(call: Call): Answer {
  const bucket = call.bucket();
  const object = find(bucket, call.key ?? '', call.query.get('generation'));
  const metageneration = String(Number(object.metageneration) + 1);
  const change = JSON.parse(call.body.toString()) as object;
  const patched: StoredObject = { ...object, metageneration, metadata: { ...object.metadata, ...change } };
  bucket.set(object.name, patched);
  return { body: resourceOf(patched, call.query.get('fields'), call.faults) };
}

/** The stored bytes; stored gzip comes decompressed to clients that do not accept it, and then whole. */
export function media(call: Call): Answer {
  const object = find(call.bucket(), call.key ?? '', call.query.get('generation'));
  const encoding = object.metadata.contentEncoding;
  const accepted = String(call.request.headers['accept-encoding'] ?? '').includes('gzip');
  const unpacks = encoding === 'gzip' && (!accepted || call.faults.has('always-decompress'));
  if (unpacks) return { headers: mediaHeaders(object), body: gunzipSync(object.bytes) };
  const headers = {
    ...mediaHeaders(object),
    ...(typeof encoding === 'string' && { 'Content-Encoding': encoding }),
  };
  const { faults } = call;
  const read = faults.has('flip-bit-read') ? flipped(object.bytes) : object.bytes;
  const whole = faults.has('truncate-read') ? read.subarray(0, read.length >> 1) : read;
  return ranged(
    whole,
    faults.has('ignore-range') ? undefined : call.request.headers.range,
    headers,
    faults.has('shift-range') ? 1 : 0,
  );
}

function mediaHeaders(object: StoredObject): Record<string, string> {
  const { contentType, contentEncoding } = object.metadata;
  return {
    'Content-Type': typeof contentType === 'string' ? contentType : 'application/octet-stream',
    'X-Goog-Generation': object.generation,
    'X-Goog-Hash': `crc32c=${object.crc32c},md5=${object.md5Hash}`,
    'X-Goog-Stored-Content-Length': String(object.bytes.length),
    'X-Goog-Stored-Content-Encoding': typeof contentEncoding === 'string' ? contentEncoding : 'identity',
  };
}

function ranged(bytes: Buffer, range: string | undefined, headers: Record<string, string>, shift: number): Answer {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  if (from === undefined || to === undefined) return { headers, body: bytes };
  const start = Number(from) + shift;
  if (start >= bytes.length) return { status: 416, headers: { 'Content-Range': `bytes */${bytes.length}` } };
  const last = Math.min(to === '' ? bytes.length : Number(to) + shift, bytes.length - 1);
  const contentRange = `bytes ${start}-${last}/${bytes.length}`;
  return { status: 206, headers: { ...headers, 'Content-Range': contentRange }, body: bytes.subarray(start, last + 1) };
}
