import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutants, type Mutant } from './mutant-list.ts';
import type { Failure } from './totals.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Plants one bug after the other in a copy of the program and simulates until a history fails.
 * @returns the exit status: 1 when a bug was not found within so many seeds.
 */
export async function runMutants(
  seeds: number,
  only: string | undefined,
  write: (line: string) => void,
): Promise<number> {
  let missed = 0;
  for (const mutant of mutants.filter(({ name }) => only === undefined || name === only)) {
    const failure = await caught(mutant, seeds);
    if (failure === undefined) missed += 1;
    write(
      failure === undefined
        ? `MISSED ${mutant.name}: ${seeds} seeds found nothing`
        : `caught ${mutant.name}: seed ${failure.seed}: ${failure.promise}`,
    );
  }
  return missed === 0 ? 0 : 1;
}

/** Applies it to a copy. @throws Error when the text to be changed is not there any more. */
export async function planted({ name, file, find, replace }: Mutant, directory: string): Promise<void> {
  const path = join(directory, file);
  const text = await readFile(path, 'utf8');
  if (text.split(find).length !== 2) {
    throw new Error(`the mutant "${name}" does not fit any more: ${file} must have its text exactly once: ${find}`);
  }
  await writeFile(
    path,
    text.replace(find, () => replace),
  );
}

async function caught(mutant: Mutant, seeds: number): Promise<Failure | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-mutant-'));
  try {
    for (const folder of ['src', 'test/simulation', 'test/support']) {
      await cp(join(root, folder), join(directory, folder), { recursive: true });
    }
    await cp(join(root, 'package.json'), join(directory, 'package.json'));
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    await planted(mutant, directory);
    return await firstFailure(directory, mutant.from ?? 1, seeds);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function firstFailure(directory: string, from: number, seeds: number): Promise<Failure | undefined> {
  const script = join(directory, 'test/simulation/hunt.ts');
  const child = spawn(process.execPath, [script, String(from), String(seeds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
  await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', resolve);
  });
  if (told === '') throw new Error(`the hunt in ${directory} told nothing`);
  return (JSON.parse(told) as { readonly failure?: Failure }).failure;
}
