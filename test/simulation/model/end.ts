import type { ReconcileReport } from '../../../src/replication/reconcile.ts';
import type { World } from '../world/world.ts';
import { copiesSql, keyOf, objectsSql, type CopyLine, type ObjectLine } from './catalog-watch.ts';

interface Leased {
  readonly id: number;
  readonly lease_owner: string;
}

/** What is not as it must be once nothing is broken any more and time has passed; empty when all is in place. */
export function unsettled(world: World): string[] {
  const { database, source, targets } = world;
  const objects = database.all<ObjectLine>(objectsSql);
  const copies = Map.groupBy(database.all<CopyLine>(copiesSql), (copy) => copy.object_id);
  const byKey = new Map(objects.map((object) => [keyOf(object), object]));
  const faults: string[] = [];
  for (const [key, shown] of world.place(source.name).store.objects) {
    const row = byKey.get(key);
    const name = JSON.stringify(key);
    if (row === undefined || row.state !== 'present') {
      faults.push(`${name} is at the source and ${row === undefined ? 'not in the catalog' : 'gone in it'}`);
      continue;
    }
    const sound = shown.meant === shown.sha256;
    if (sound && row.version !== shown.version)
      faults.push(`${name} is version ${row.version}, the source has ${shown.version}`);
    if (sound && row.sha256 !== shown.sha256) faults.push(`${name} is not known by the bytes that the source has`);
    faults.push(...unsettledCopies(world, key, row, copies.get(row.id) ?? [], sound));
  }
  for (const [key, row] of byKey) {
    if (world.place(source.name).store.objects.has(key)) continue;
    if (row.state === 'present') faults.push(`${JSON.stringify(key)} is present in the catalog and not at the source`);
    else faults.push(...unsettledCopies(world, key, row, copies.get(row.id) ?? [], false));
  }
  if (targets.length === 0) faults.push('there is no target');
  const leased = database.all<Leased>('select id, lease_owner from objects where lease_owner is not null');
  for (const { id, lease_owner: owner } of leased) faults.push(`object ${id} is leased to ${owner}`);
  return [...faults, ...world.model.uploads.left()];
}

function unsettledCopies(
  world: World,
  key: string,
  row: ObjectLine,
  copies: readonly CopyLine[],
  whole: boolean,
): string[] {
  const faults: string[] = [];
  const good = world.targets.some(({ name }) => standing(world, name, key)?.sha256 === row.sha256);
  // Deleted copies of what is gone keep a row that names nothing.
  const counted = copies.filter((copy) => row.state === 'present' || copy.version !== null);
  for (const { target, state, version } of counted) {
    const there = standing(world, target, key);
    const name = `${JSON.stringify(key)} at ${target}`;
    if (state === 'verified') {
      const right = there?.sha256 === row.sha256 && there?.version === version;
      if (!right) faults.push(`${name} is verified and holds something else`);
    } else if (whole || (good && row.sha256 !== null)) faults.push(`${name} is ${state}`);
  }
  if (row.state === 'present' && copies.length !== world.targets.length)
    faults.push(`${JSON.stringify(key)} has ${copies.length} copies`);
  return faults;
}

function standing(world: World, target: string, key: string) {
  return world.place(target).store.objects.get(key);
}

/** What the program says of itself at the end, compared with what is. */
export function untrue(world: World, report: ReconcileReport): string[] {
  const { size } = world.place(world.source.name).store.objects;
  const faults: string[] = [];
  if (report.objects !== size) faults.push(`reconcile tells of ${report.objects} objects, the source has ${size}`);
  return faults;
}
