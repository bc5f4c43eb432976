import { copyFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { usersFiles } from '../crash/places.ts';
import { lookAtDirectory } from './destination.ts';
import { lostBy, type Holdings } from './losses.ts';
import { restore } from './trial.ts';
import { c, keptCatalog, newMachine, policy, sourceName, type World } from './world.ts';

/** A restore that was killed half-way, and the same command once more. */
export interface Killed {
  /** Objects that stood at the destination when it was dead. */
  readonly before: number;
  readonly restored: number;
  readonly inPlace: number;
  /** Files that the second run wrote, counted from outside. */
  readonly written: number;
  readonly wrong: readonly string[];
}

export async function killedHalfWay(world: World, holdings: Holdings): Promise<Killed> {
  await using machine = await newMachine(world.configWithout(new Set()));
  await copyFile(world.home.at(keptCatalog), machine.at('catalog.db'));
  const back = machine.at('back');
  const missing = new Set(lostBy(world, holdings, new Set([sourceName])));
  const due = world.truth.size - missing.size;
  const running = machine.start(['restore', policy, '--to-dir', 'back', ...c]);
  while ((await usersFiles(back)).length < due / 2 && running.child.exitCode === null) await delay(100);
  await running.signal('SIGKILL');
  const before = await inodesIn(back);
  const half = await lookAtDirectory(back);
  const digests = Array.from(before.keys(), (key) => [key, world.truth.get(key)?.sha256 ?? ''] as const);
  const halfWritten = await half.disagreements(new Map(digests.filter(([key]) => !missing.has(key))));
  const { report } = await restore(machine, ['--to-dir', 'back']);
  const after = await inodesIn(back);
  const touched = [...after].filter(([key, inode]) => before.get(key) !== inode).length;
  const digestsNow = [...world.truth].flatMap(([key, { sha256 }]) =>
    missing.has(key) ? [] : [[key, sha256] as const],
  );
  const wrong = [
    ...(halfWritten === '' ? [] : [`half-written: ${halfWritten}`]),
    ...(running.child.signalCode === 'SIGKILL' ? [] : ['it ended before it was killed']),
    ...(report.inPlace + report.restored === after.size ? [] : ['the counts are not those seen from outside']),
    ...(touched === report.restored ? [] : [`${touched} files were written, ${report.restored} were told`]),
    ...(report.inPlace === before.size ? [] : [`${report.inPlace} in place, ${before.size} stood there`]),
    ...[await (await lookAtDirectory(back)).disagreements(new Map(digestsNow))].filter((text) => text !== ''),
  ];
  const { restored, inPlace } = report;
  return { before: before.size, restored, inPlace, written: touched, wrong };
}

/** By key, what only writing changes: the file itself and when it was last changed. */
async function inodesIn(directory: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { key, path } of await usersFiles(directory)) {
    const { ino, ctimeNs } = await stat(path, { bigint: true });
    found.set(key, `${ino} ${ctimeNs}`);
  }
  return found;
}
