import { createCipheriv, createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CopyScenario } from './scenarios.ts';

const filesPerDirectory = 500;
const chunk = 4 * 1024 ** 2;

type Input = Pick<CopyScenario, 'files' | 'size'>;

export function keysOf({ files }: Pick<Input, 'files'>): string[] {
  const padded = (number: number, digits: number): string => String(number).padStart(digits, '0');
  return Array.from(
    { length: files },
    (_, number) => `d${padded(Math.floor(number / filesPerDirectory), 3)}/f${padded(number, 6)}`,
  );
}

/** The bytes of one file, in chunks: incompressible, no two files alike, the same on every run. */
export function* bytesOf(key: string, size: number): Generator<Buffer> {
  const seed = createHash('sha256').update(`holdfast bench ${key}`).digest();
  const stream = createCipheriv('aes-256-ctr', seed, Buffer.alloc(16));
  const zeros = Buffer.alloc(Math.min(size, chunk));
  for (let given = 0; given < size; given += zeros.length) {
    yield stream.update(zeros.subarray(0, Math.min(zeros.length, size - given)));
  }
}

/** Writes the scenario's files below `directory`. */
export async function writeInput(directory: string, input: Input): Promise<void> {
  for (const key of keysOf(input)) {
    const path = join(directory, key);
    await mkdir(dirname(path), { recursive: true });
    await using file = await open(path, 'w');
    for (const bytes of bytesOf(key, input.size)) await file.write(bytes);
  }
}
