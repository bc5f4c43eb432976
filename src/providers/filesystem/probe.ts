import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { Refusal, isErrno } from './errors.ts';
import type { Directories } from './directories.ts';
import type { NameRules } from './layout.ts';
import { keysDirectory, metaDirectory, probeDirectory, temporaryDirectory } from './layout.ts';
import type { Raw } from './raw.ts';
import { pathOf } from './raw.ts';
import type { Root } from './root.ts';

/** Names that one filesystem or another stores differently, or not at all: normalised, stripped, or not UTF-8. */
const canaries: readonly Raw[] = [
  Buffer.from('caf\u00e9').toString('latin1'),
  Buffer.from('cafe\u0301-').toString('latin1'),
  'dot.',
  'space ',
  'co:lon',
  '\xff',
];

/** Makes Holdfast's own directories, proves that they can be written, and finds out how names are kept. */
export async function prepareTarget(root: Root, directories: Directories): Promise<NameRules> {
  for (const path of [temporaryDirectory, keysDirectory, metaDirectory, probeDirectory]) {
    if (await directories.ensure(path)) continue;
    throw new Refusal('unsupported', `${root.shown(path)} cannot be made: a file is in the way. Remove or rename it.`);
  }
  return await probeNames(root);
}

/**
 * Finds out whether the filesystem keeps names as they are, by writing some. Names that merely fold (`A` and `a`) need
 * no probe: every lookup compares the name on the disk.
 */
async function probeNames(root: Root): Promise<NameRules> {
  const directory = root.at(`${probeDirectory}/${randomUUID()}`);
  await mkdir(pathOf(directory));
  try {
    for (const name of canaries) await writeCanary(`${directory}/${name}`);
    const kept = new Set(await readdir(pathOf(directory), { encoding: 'latin1' }));
    return { portableOnly: !canaries.every((name) => kept.has(name)) };
  } finally {
    await rm(pathOf(directory), { recursive: true, force: true });
  }
}

async function writeCanary(path: Raw): Promise<void> {
  try {
    await writeFile(pathOf(path), 'holdfast');
  } catch (error) {
    if (!isErrno(error, 'EINVAL', 'EILSEQ', 'ENOENT', 'EPERM', 'EACCES')) throw error;
  }
}
