import { noAttributes } from '../../../src/objects/object.ts';
import type { Key } from '../../../src/objects/key.ts';
import type { Capabilities, Part, Provider, StoredCopy, Upload } from '../../../src/providers/provider.ts';
import { digestOf } from '../../support/digest.ts';
import type { WriteOptions } from './room.ts';
import { calm, recordFor } from './room.ts';

/** The smallest part size that the provider takes, in bytes. */
export function smallestPart(capabilities: Capabilities): number {
  const { min, multipleOf } = capabilities.limits.part;
  return Math.ceil(Math.max(min, 1_024) / multipleOf) * multipleOf;
}

/** Cuts `bytes` into parts with their own copies of the bytes and the right checksums. */
export async function partsOf(bytes: Buffer, partSize: number): Promise<Part[]> {
  const parts: Part[] = [];
  for (let offset = 0; offset < bytes.length; offset += partSize) {
    const piece = Buffer.from(bytes.subarray(offset, offset + partSize));
    parts.push({ number: parts.length + 1, offset, bytes: piece, checksums: await digestOf(piece) });
  }
  return parts;
}

export function start(
  provider: Provider,
  key: Key,
  shape: { readonly size: number; readonly partSize: number },
  options: WriteOptions = {},
): Promise<Upload> {
  const { precondition, attributes = noAttributes, signal = calm } = options;
  return provider.startUpload(key, { ...shape, attributes, ...(precondition && { precondition }) }, signal);
}

export async function finish(upload: Upload, bytes: Buffer): Promise<StoredCopy> {
  return upload.complete(await digestOf(bytes), await recordFor(bytes), calm);
}

/** A whole upload, its parts in order. */
export async function uploadWhole(
  provider: Provider,
  key: Key,
  bytes: Buffer,
  partSize: number,
  options: WriteOptions = {},
): Promise<StoredCopy> {
  const upload = await start(provider, key, { size: bytes.length, partSize }, options);
  for (const part of await partsOf(bytes, partSize)) await upload.part(part, calm);
  return finish(upload, bytes);
}
