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

interface Status {
  readonly policies: readonly {
    readonly objects: number;
    readonly safe: number;
    readonly pending: number;
    readonly failed: number;
    readonly damaged: number;
    readonly lost: number;
    readonly held: number;
  }[];
}

/** Changes the places: the last thing that is done to a world. */
export async function rebuildAndReconcile(world: World, holdings: Holdings): Promise<Rebuilt> {
  const { home, places, truth } = world;
  for (const name of ['catalog.db', 'catalog.db-wal', 'catalog.db-shm']) await rm(home.at(name), { force: true });
  const due = places.reduce((sum, { name }) => sum + wrongAt(world, holdings, name).length, 0);
  const rebuild = await home.json('rebuild-catalog', ...c);
  // What changed at the source is judged once everything that stands at the targets is identified: that may take a pass.
  const passes: Pass[] = [];
  for (let count = 0; count < 3; count += 1) passes.push(await reconcile(world, []));
  const made = passes.map(({ report: { copied, repaired } }) => copied + repaired);
  const after = await holdingsOf(world);
  const { document } = await home.json<Status>('status', policy, ...c);
  const [status] = document.policies;
  const present = holdings.get(sourceName)?.size;
  const wrong = [
    ...places.flatMap(({ name }) => wrongAt(world, after, name).map((key) => `${name}: ${JSON.stringify(key)}`)),
    ...(passes[1]?.code === 0 ? [] : [`the second reconcile exits ${passes[1]?.code}`]),
    ...(made.reduce((sum, copies) => sum + copies) === due ? [] : [`${made.join(' + ')} copied, due were ${due}`]),
    ...passes.flatMap(({ report: { held, failed } }) =>
      held + failed === 0 ? [] : [`${held} held, ${failed} failed`],
    ),
    ...(made.at(-1) === 0 ? [] : ['the last pass copied again']),
    ...(status?.objects === present ? [] : [`status counts ${status?.objects}, the source has ${present}`]),
    ...(status?.safe === present ? [] : [`safe are ${status?.safe} of ${present}: ${JSON.stringify(status)}`]),
    ...(rebuild.code === 0 || rebuild.code === 1 ? [] : [`rebuild-catalog exits ${rebuild.code}`]),
    ...(truth.size >= (present ?? 0) ? [] : ['the source has more than it was given']),
  ];
  return { due, passes: passes.map(({ report }) => report), wrong };
}

function wrongAt({ truth }: World, holdings: Holdings, name: string): readonly string[] {
  const held = holdings.get(name);
  return [...truth].flatMap(([key, { sha256 }]) => (held?.get(key)?.sha256 === sha256 ? [] : [key]));
}
