import { randomUUID } from 'node:crypto';
import type { Clock } from '../../objects/clock.ts';
import type { Finding } from '../examination.ts';
import { clockFinding, refusalCode, type Notes } from '../notes.ts';
import { reservedPrefix } from '../../objects/key.ts';
import type { Disk } from './disk.ts';
import { isErrno } from './errors.ts';
import { keysDirectory, probeDirectory, temporaryDirectory } from './layout.ts';
import type { Raw } from './raw.ts';
import type { Root } from './root.ts';

/** Runs a system call; its error becomes a ProviderError. */
export type Guarded = <T>(work: () => Promise<T>) => Promise<T>;

/** What the filesystem below a target does with files, in a directory of its own below `.holdfast/probe/`. */
export async function examineDisk(root: Root, guarded: Guarded, clock: Clock, notes: Notes): Promise<void> {
  const { disk } = root;
  notes.left(`${reservedPrefix} (directories of its own)`);
  const room = root.at(`${probeDirectory}/${randomUUID()}`);
  try {
    await guarded(() => disk.mkdir(room));
    await notes.look('same-clock', async () => await guarded(() => compareClocks(disk, room, clock)));
    const asked = [
      ['same-device', () => onOneDevice(root)],
      ['hard-links', () => linksFiles(disk, room)],
      ['fsync', () => syncs(disk, room)],
      ['case-kept', () => tellsCaseApart(disk, room)],
      ['names-kept', () => keepsNames(disk, room)],
      ['time-resolution', () => timeResolution(disk, room)],
    ] as const;
    for (const [question, find] of asked) await notes.look(question, async () => await guarded(find));
  } finally {
    const removing = guarded(() => disk.removeWithFiles(room));
    if ((await refusalCode(removing)) !== undefined) notes.left(`${probeDirectory}: a directory of canaries`);
  }
}

async function compareClocks(disk: Disk, room: Raw, clock: Clock): Promise<Finding> {
  const path = `${room}/clock`;
  const asked = clock.now();
  await disk.writeText(path, 'holdfast');
  const { mtimeNs } = await disk.stat(path);
  return clockFinding(Number(mtimeNs) / 1e6, asked, clock.now());
}

/** What is written in `tmp/` is moved into place, which works on one filesystem only. */
async function onOneDevice(root: Root): Promise<Finding> {
  const paths = [root.path || '/', root.at(temporaryDirectory), root.at(keysDirectory)];
  const devices = new Set(await Promise.all(paths.map(async (path) => (await root.disk.stat(path)).dev)));
  return { answer: devices.size === 1 ? 'yes' : 'no' };
}

/** With them, of two writers who must create a file one loses, in other processes too. */
async function linksFiles(disk: Disk, room: Raw): Promise<Finding> {
  try {
    await disk.writeText(`${room}/first`, 'holdfast');
    await disk.link(`${room}/first`, `${room}/second`);
  } catch (error) {
    if (isErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) return { answer: 'no' };
    throw error;
  }
  return { answer: 'yes' };
}

async function syncs(disk: Disk, room: Raw): Promise<Finding> {
  for (const [path, flags] of [
    [`${room}/synced`, 'w'],
    [room, 'r'],
  ] as const) {
    await using handle = await disk.open(path, flags);
    try {
      await handle.sync();
    } catch (error) {
      if (isErrno(error, 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) {
        return { answer: 'no', detail: path === room ? 'not of directories' : 'not of files' };
      }
      throw error;
    }
  }
  return { answer: 'yes', detail: 'of files and directories; whether the disk obeys is not seen from here' };
}

async function tellsCaseApart(disk: Disk, room: Raw): Promise<Finding> {
  await disk.writeText(`${room}/Case`, 'holdfast');
  const folded = await disk.lstat(`${room}/cASE`).then(
    () => true,
    (error: unknown) => {
      if (isErrno(error, 'ENOENT')) return false;
      throw error;
    },
  );
  return { answer: folded ? 'no' : 'yes' };
}

/** Composed and decomposed, of which some filesystems make one. */
const accents = ['caf\u00e9', 'cafe\u0301'].map((name) => Buffer.from(name).toString('latin1'));

async function keepsNames(disk: Disk, room: Raw): Promise<Finding> {
  for (const name of accents) await disk.writeText(`${room}/${name}`, 'holdfast');
  const kept = new Set(await disk.readdir(room));
  const all = accents.every((name) => kept.has(name));
  return { answer: all ? 'yes' : 'no', ...(!all && { detail: 'Unicode names are normalised' }) };
}

/** A filesystem without nanoseconds shows zeros; three files in a row hardly do by chance. */
async function timeResolution(disk: Disk, room: Raw): Promise<Finding> {
  const parts: bigint[] = [];
  for (const name of ['t1', 't2', 't3']) {
    await disk.writeText(`${room}/${name}`, 'holdfast');
    parts.push((await disk.stat(`${room}/${name}`)).mtimeNs % 1_000_000_000n);
  }
  if (parts.every((ns) => ns === 0n)) return { answer: 'no', detail: 'whole seconds' };
  const finer = parts.some((ns) => ns % 1_000n !== 0n) ? 'nanoseconds' : 'microseconds or coarser';
  return { answer: 'yes', detail: finer };
}
