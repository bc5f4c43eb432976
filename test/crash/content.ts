import { createCipheriv, createHash } from 'node:crypto';
import type { Random } from '../../src/objects/clock.ts';

/** One version that an object once had at the source. */
export interface Version {
  readonly size: number;
  /** SHA-256, hex. */
  readonly sha256: string;
}

const chunkSize = 1024 ** 2;

/** Incompressible bytes, the same for the same name. */
export function* bytesOf(name: string, size: number): Generator<Buffer> {
  const key = createHash('sha256').update(name).digest();
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  for (let left = size; left > 0; left -= chunkSize) yield stream.update(Buffer.alloc(Math.min(left, chunkSize)));
}

export function versionOf(name: string, size: number): Version {
  const hash = createHash('sha256');
  for (const chunk of bytesOf(name, size)) hash.update(chunk);
  return { size, sha256: hash.digest('hex') };
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** Mostly small, as user data is; a few so large that they travel in many parts. From 1 B to `largest`. */
export function sizeBy(random: Random, largest: number): number {
  const kind = random();
  if (kind < 0.9) return logUniform(random, 1, Math.min(MiB, largest));
  if (kind < 0.98) return logUniform(random, Math.min(MiB, largest), Math.min(16 * MiB, largest));
  return logUniform(random, Math.min(16 * MiB, largest), largest);
}

function logUniform(random: Random, least: number, most: number): number {
  return Math.round(least * (most / least) ** random());
}
