import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Has the coreutils' `sha256sum` compare files below a directory with what they must hold.
 * @returns what it says of those that differ or are missing; '' when all are right.
 */
export async function disagreements(directory: string, files: ReadonlyMap<string, Buffer>): Promise<string> {
  const digests = Array.from(files, ([name, bytes]) => [name, sha256(bytes)] as const);
  return await digestsThatDisagree(directory, new Map(digests));
}

/** The same of SHA-256 digests, in hex. */
export async function digestsThatDisagree(directory: string, files: ReadonlyMap<string, string>): Promise<string> {
  const place = await mkdtemp(join(tmpdir(), 'holdfast-sums-'));
  const manifest = join(place, 'sums');
  await writeFile(manifest, Array.from(files, ([name, digest]) => `${line(name, digest)}\n`).join(''));
  try {
    await run('sha256sum', ['--check', '--quiet', '--strict', manifest], { cwd: directory });
    return '';
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    return `${stdout}${stderr}` || String(error);
  } finally {
    await rm(place, { recursive: true });
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A line that begins with a backslash has its name escaped. */
function line(name: string, digest: string): string {
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return `${escaped === name ? '' : '\\'}${digest}  ${escaped}`;
}
