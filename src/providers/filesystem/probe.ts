import { randomUUID } from 'node:crypto';
import type { Disk } from './disk.ts';
import { Refusal, isErrno } from './errors.ts';
import type { Directories } from './directories.ts';
import type { NameRules } from './layout.ts';
import { keysDirectory, metaDirectory, probeDirectory, temporaryDirectory } from './layout.ts';
import type { Raw } from './raw.ts';
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
  const { disk } = root;
  const directory = root.at(`${probeDirectory}/${randomUUID()}`);
  await disk.mkdir(directory);
  try {
    for (const name of canaries) await writeCanary(disk, `${directory}/${name}`);
    const kept = new Set(await disk.readdir(directory));
    return { portableOnly: !canaries.every((name) => kept.has(name)) };
  } finally {
    await disk.removeWithFiles(directory);
  }
}

async function writeCanary(disk: Disk, path: Raw): Promise<void> {
  try {
    await disk.writeText(path, 'holdfast');
  } catch (error) {
    if (!isErrno(error, 'EINVAL', 'EILSEQ', 'ENOENT', 'EPERM', 'EACCES')) throw error;
  }
}
