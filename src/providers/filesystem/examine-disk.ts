import { link, lstat, mkdir, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../objects/clock.ts';
import type { Finding } from '../examination.ts';
import { clockFinding, refusalCode, type Notes } from '../notes.ts';
import { reservedPrefix } from '../../objects/key.ts';
import { isErrno } from './errors.ts';
import { keysDirectory, probeDirectory, temporaryDirectory } from './layout.ts';
import type { Raw } from './raw.ts';
import { pathOf } from './raw.ts';

/** Runs a system call; its error becomes a ProviderError. */
export type Guarded = <T>(work: () => Promise<T>) => Promise<T>;

/** What the filesystem below a target does with files, in a directory of its own below `.holdfast/probe/`. */
export async function examineDisk(root: Raw, guarded: Guarded, clock: Clock, notes: Notes): Promise<void> {
  notes.left(`${reservedPrefix} (directories of its own)`);
  const room = `${root}/${probeDirectory}/${randomUUID()}`;
  try {
    await guarded(() => mkdir(pathOf(room)));
    await notes.look('same-clock', async () => await guarded(() => compareClocks(room, clock)));
    const asked = [
      ['same-device', () => onOneDevice(root)],
      ['hard-links', () => linksFiles(room)],
      ['fsync', () => syncs(room)],
      ['case-kept', () => tellsCaseApart(room)],
      ['names-kept', () => keepsNames(room)],
      ['time-resolution', () => timeResolution(room)],
    ] as const;
    for (const [question, find] of asked) await notes.look(question, async () => await guarded(find));
  } finally {
    const removing = guarded(() => rm(pathOf(room), { recursive: true, force: true }));
    if ((await refusalCode(removing)) !== undefined) notes.left(`${probeDirectory}: a directory of canaries`);
  }
}

async function compareClocks(room: Raw, clock: Clock): Promise<Finding> {
  const path = pathOf(`${room}/clock`);
  const asked = clock.now();
  await writeFile(path, 'holdfast');
  const { mtimeMs } = await stat(path);
  return clockFinding(mtimeMs, asked, clock.now());
}

/** What is written in `tmp/` is moved into place, which works on one filesystem only. */
async function onOneDevice(root: Raw): Promise<Finding> {
  const paths = [root, `${root}/${temporaryDirectory}`, `${root}/${keysDirectory}`];
  const devices = new Set(await Promise.all(paths.map(async (path) => (await stat(pathOf(path))).dev)));
  return { answer: devices.size === 1 ? 'yes' : 'no' };
}

/** With them, of two writers who must create a file one loses, in other processes too. */
async function linksFiles(room: Raw): Promise<Finding> {
  try {
    await writeFile(pathOf(`${room}/first`), 'holdfast');
    await link(pathOf(`${room}/first`), pathOf(`${room}/second`));
  } catch (error) {
    if (isErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) return { answer: 'no' };
    throw error;
  }
  return { answer: 'yes' };
}

async function syncs(room: Raw): Promise<Finding> {
  for (const [path, flags] of [
    [`${room}/synced`, 'w'],
    [room, 'r'],
  ] as const) {
    await using handle = await open(pathOf(path), flags);
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

async function tellsCaseApart(room: Raw): Promise<Finding> {
  await writeFile(pathOf(`${room}/Case`), 'holdfast');
  const folded = await lstat(pathOf(`${room}/cASE`)).then(
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

async function keepsNames(room: Raw): Promise<Finding> {
  for (const name of accents) await writeFile(pathOf(`${room}/${name}`), 'holdfast');
  const kept = new Set(await readdir(pathOf(room), { encoding: 'latin1' }));
  const all = accents.every((name) => kept.has(name));
  return { answer: all ? 'yes' : 'no', ...(!all && { detail: 'Unicode names are normalised' }) };
}

/** A filesystem without nanoseconds shows zeros; three files in a row hardly do by chance. */
async function timeResolution(room: Raw): Promise<Finding> {
  const parts: bigint[] = [];
  for (const name of ['t1', 't2', 't3']) {
    await writeFile(pathOf(`${room}/${name}`), 'holdfast');
    parts.push((await stat(pathOf(`${room}/${name}`), { bigint: true })).mtimeNs % 1_000_000_000n);
  }
  if (parts.every((ns) => ns === 0n)) return { answer: 'no', detail: 'whole seconds' };
  const finer = parts.some((ns) => ns % 1_000n !== 0n) ? 'nanoseconds' : 'microseconds or coarser';
  return { answer: 'yes', detail: finer };
}
