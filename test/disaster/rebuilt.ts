import { rm } from 'node:fs/promises';
import { reconcile, type Pass, type ReconcileReport } from './history.ts';
import { holdingsOf, type Holdings } from './losses.ts';
import { c, policy, sourceName, type World } from './world.ts';

/** The catalog is lost and rebuilt; then a pass mends what was not in place before either. */
export interface Rebuilt {
  /** Copies that were not the last version before, counted from outside. */
  readonly due: number;
  readonly passes: readonly ReconcileReport[];
  readonly wrong: readonly string[];
}

interface RebuildReport {
  readonly policies: readonly { readonly disagreements: number }[];
}

interface Status {
  readonly policies: readonly {
    readonly objects: number;
    readonly safe: number;
  }[];
}

/**
 * Mends the places, so that nothing else can be tried on this world afterwards.
 * @param disk whether the disk is lost too: an empty one is in its place.
 */
export async function rebuildAndReconcile(world: World, disk: boolean): Promise<Rebuilt> {
  const { home, places } = world;
  if (disk) await rm(home.at('disk'), { recursive: true });
  for (const name of ['catalog.db', 'catalog.db-wal', 'catalog.db-shm']) await rm(home.at(name), { force: true });
  const holdings = await holdingsOf(world);
  const due = places.reduce((sum, { name }) => sum + unlike(world, holdings, name).length, 0);
  const { document } = await home.json<RebuildReport>('rebuild-catalog', ...c);
  const disputed = document.policies.reduce((sum, { disagreements }) => sum + disagreements, 0);
  // What changed at the source is judged once everything that stands at the targets is identified: that may take a pass.
  const passes: Pass[] = [];
  for (let count = 0; count < 3; count += 1) passes.push(await reconcile(world, []));
  const wrong = [
    ...notInPlace(world, await holdingsOf(world)),
    ...overdone(passes, due, disputed),
    ...(await misjudged(world, holdings.get(sourceName)?.size)),
  ];
  return { due, passes: passes.map(({ report }) => report), wrong };
}

function notInPlace(world: World, holdings: Holdings): string[] {
  const of = (name: string): string[] => unlike(world, holdings, name).map((key) => `${name}: ${JSON.stringify(key)}`);
  return world.places.flatMap(({ name }) => of(name));
}

/**
 * Nothing that was in place was copied, and at the end nothing was held or left to do. Of an object in dispute (a newer version
 * that fewer places hold than an older one) the copy that proves right in the end may have been written once more.
 */
function overdone(passes: readonly Pass[], due: number, disputed: number): string[] {
  const made = passes.map(({ report: { copied, repaired } }) => copied + repaired);
  const last = passes.at(-1)?.report;
  const held = last === undefined ? 0 : last.held + last.failed;
  const all = made.reduce((sum, copies) => sum + copies);
  const asDue = all >= due && all <= due + disputed;
  return [
    ...(asDue ? [] : [`${made.join(' + ')} copied, due were ${due}, in dispute ${disputed}`]),
    ...(made.at(-1) === 0 ? [] : ['the last pass copied again']),
    ...(held === 0 ? [] : [`${held} held or failed`]),
    ...(passes.at(-1)?.code === 0 ? [] : [`the last reconcile exits ${passes.at(-1)?.code}`]),
  ];
}

async function misjudged({ home }: World, present: number | undefined): Promise<string[]> {
  const { document } = await home.json<Status>('status', policy, ...c);
  const [status] = document.policies;
  return status?.objects === present && status?.safe === present
    ? []
    : [`the source has ${present}, status says ${JSON.stringify(status)}`];
}

/** Keys of which a place does not have the last version. */
function unlike({ truth }: World, holdings: Holdings, name: string): readonly string[] {
  const held = holdings.get(name);
  return [...truth].flatMap(([key, { sha256 }]) => (held?.get(key)?.sha256 === sha256 ? [] : [key]));
}
