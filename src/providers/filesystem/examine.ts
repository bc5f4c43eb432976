import { constants } from 'node:fs';
import { dirname } from 'node:path';
import type { Notes } from '../notes.ts';
import type { Disk } from './disk.ts';
import type { Guarded } from './examine-disk.ts';
import { shown, type Raw } from './raw.ts';
import type { Root } from './root.ts';

/** What the directory and the process say, without anything being written. */
export async function examineDirectory({ path, disk }: Root, guarded: Guarded, notes: Notes): Promise<void> {
  const root: Raw = path || '/';
  await notes.look('free-space', async () => {
    const { bavail, bsize, files, ffree } = await guarded(() => disk.statfs(root));
    const inodes = files === 0 ? '' : `, ${ffree} of ${files} inodes`;
    return { answer: bavail > 0 ? 'yes' : 'no', detail: `${Math.floor((bavail * bsize) / mebibyte)} MiB${inodes}` };
  });
  await notes.look('foreign-writers', async () => {
    const { mode } = await guarded(() => disk.stat(root));
    const detail = `mode ${(Number(mode) & 0o7777).toString(8).padStart(4, '0')}`;
    return { answer: (Number(mode) & 0o002) !== 0 ? 'yes' : 'no', detail };
  });
  notes.tell('write-root', (await isWritable(disk, root)) ? 'allowed' : 'denied');
  notes.tell('write-outside', (await isWritable(disk, dirname(root))) ? 'allowed' : 'denied', shown(dirname(root)));
  const uid = process.getuid?.();
  notes.tell('superuser', uid === undefined ? 'not-told' : uid === 0 ? 'yes' : 'no');
  for (const question of ['versioning', 'retention'] as const) {
    notes.tell(question, 'off', 'a filesystem keeps what Holdfast keeps; snapshots below it are not seen from here');
  }
}

const mebibyte = 2 ** 20;

/** Asks the system, which writes nothing. */
async function isWritable(disk: Disk, path: Raw): Promise<boolean> {
  try {
    await disk.access(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
