import { execFile } from 'node:child_process';
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Key } from '../../src/objects/key.ts';
import { sidecarPath } from '../../src/providers/filesystem/layout.ts';
import { rawFromKey } from '../../src/providers/filesystem/raw.ts';
import { encodeKey } from '../../src/providers/key-encoding.ts';
import type { Vandal } from './damage-vandals.ts';

const run = promisify(execFile);

/** The file below a directory that holds the object of a key: at its path, or where Holdfast keeps odd keys. */
export async function fileOf(directory: string, key: Key): Promise<string> {
  for (const name of [key, encodeKey(key)]) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() === true) return path;
  }
  throw new Error(`${directory} has no file for ${JSON.stringify(key)}`);
}

/**
 * In place, below whoever serves the file: inode, extended attributes and modification time (to the nanosecond) stay as
 * they are.
 */
export async function writeInPlace(path: string, bytes: Buffer): Promise<void> {
  const times = `${path}.times`;
  await run('touch', ['--reference', path, times]);
  await writeFile(path, bytes);
  await run('touch', ['--reference', times, path]);
  await rm(times);
}

/** Whoever can write to the disk below a server. */
export function fileVandal(directory: string): Required<Pick<Vandal, 'write' | 'remove'>> {
  return {
    write: async (key, bytes) => await writeInPlace(await fileOf(directory, key), bytes),
    remove: async (key) => await rm(await fileOf(directory, key)),
  };
}

/** Another program that works in the directory of a filesystem target. */
export function programVandal(directory: string): Vandal {
  return {
    write: async (key, bytes) => {
      const path = await fileOf(directory, key);
      await writeFile(`${path}.new`, bytes);
      await rename(`${path}.new`, path);
    },
    remove: async (key) => await rm(await fileOf(directory, key)),
    metadata: [async (key) => await utimes(await fileOf(directory, key), new Date(), new Date())],
  };
}

/** The sidecar of a filesystem target's copy: what belongs to it besides its bytes. */
export function sidecarOf(directory: string, key: Key): string {
  return join(directory, sidecarPath(rawFromKey(key)));
}

export function sidecarVandal(directory: string): NonNullable<Vandal['metadata']> {
  return [
    async (key) => await rm(sidecarOf(directory, key)),
    async (key) => {
      const content = JSON.parse(await readFile(sidecarOf(directory, key), 'utf8')) as { attributes: object };
      const attributes = { metadata: { colour: 'red' } };
      await writeFile(sidecarOf(directory, key), JSON.stringify({ ...content, attributes }));
    },
  ];
}
