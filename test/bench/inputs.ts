import { createCipheriv, createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';

export interface Scenario {
  readonly name: string;
  readonly files: number;
  /** Bytes of each file. */
  readonly size: number;
}

const KiB = 1024;
const GiB = 1024 ** 3;

export const scenarios: readonly Scenario[] = [
  { name: '10,000 × 16 KiB', files: 10_000, size: 16 * KiB },
  { name: '4 × 1 GiB', files: 4, size: GiB },
];

const filesPerDirectory = 500;
const chunk = 4 * 1024 * KiB;

/** Writes the scenario's files below `directory`: incompressible, no two alike, the same on every run. */
export async function writeInput(directory: string, { files, size }: Scenario): Promise<void> {
  for (let number = 0; number < files; number += 1) {
    const folder = join(directory, `d${String(Math.floor(number / filesPerDirectory)).padStart(3, '0')}`);
    await mkdir(folder, { recursive: true });
    await writeFileOf(join(folder, `f${String(number).padStart(6, '0')}`), number, size);
  }
}

async function writeFileOf(path: string, seed: number, size: number): Promise<void> {
  const key = createHash('sha256').update(`holdfast bench ${seed}`).digest();
  const stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(Math.min(size, chunk));
  await using file = await open(path, 'w');
  for (let written = 0; written < size; written += zeros.length) {
    await file.write(stream.update(zeros.subarray(0, Math.min(zeros.length, size - written))));
  }
}
