import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import type { World } from './places.ts';

/** Hands a world to a program of the benchmark. @returns the file's path. */
export async function writeWorld(world: World): Promise<string> {
  const path = join(world.directory, 'world.json');
  await writeFile(path, JSON.stringify(world));
  return path;
}

export function readWorld(path: string | undefined): World {
  if (path === undefined) throw new Error('name the file that tells where to copy');
  return JSON.parse(readFileSync(path, 'utf8')) as World;
}
