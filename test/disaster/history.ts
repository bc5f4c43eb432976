import { copyFile, writeFile } from 'node:fs/promises';
import { versionOf } from '../crash/content.ts';
import { fates, type Fate, type Planned } from './objects.ts';
import { c, keptCatalog, policy, type World } from './world.ts';

/** What one pass is told, and who was away meanwhile. */
export interface Pass {
  readonly away: readonly string[];
  readonly code: number | null;
  readonly report: ReconcileReport;
  readonly seconds: number;
}

export interface ReconcileReport {
  readonly outcome: string;
  readonly objects: number;
  readonly copied: number;
  readonly repaired: number;
  readonly inPlace: number;
  readonly failed: number;
  readonly held: number;
}

/**
 * Brings every object to where its fate says that it is: objects come, change and go while the disk or the clouds are
 * away, one pass after each step. Nothing runs afterwards, so that what is missing stays missing.
 */
export async function liveThrough(world: World, objects: readonly Planned[]): Promise<readonly Pass[]> {
  const clouds = world.places.map(({ name }) => name).filter((name) => name !== 'disk');
  const of = (...wanted: Fate[]) => objects.filter(({ fate }) => wanted.includes(fate));
  const passes: Pass[] = [];
  const pass = async (...away: string[]): Promise<void> => void passes.push(await reconcile(world, away));

  const late: readonly Fate[] = ['source-only', 'one-copy'];
  await write(world, of('gone-early'), 1);
  await write(world, of('settled').slice(0, 20), 1);
  await pass(...clouds);
  await remove(world, of('gone-early'));
  await write(world, of('settled').slice(20), 1);
  await write(world, of(...fates.filter((fate) => ![...late, 'settled', 'gone-early'].includes(fate))), 1);
  await pass('disk');
  await remove(world, of('no-disk'));
  await write(world, of('one-copy'), 1);
  await write(world, of('replaced'), 2);
  await pass(...clouds);
  await write(world, of('source-only'), 1);
  await write(world, of('replaced-late'), 2);
  await pass(...clouds, 'disk');
  await writeFile(world.home.at('holdfast.yaml'), world.configWithout(new Set()));
  await copyFile(world.home.at('catalog.db'), world.home.at(keptCatalog));
  return passes;
}

async function write(world: World, objects: readonly Planned[], version: number): Promise<void> {
  for (const { key, size, attributes } of objects) {
    const name = `${key} ${version}`;
    // Another size too, so that a source whose times are whole seconds shows the change.
    const bytes = size + version - 1;
    world.truth.set(key, {
      ...versionOf(name, bytes),
      ...(await world.source.put(key, name, bytes, attributes)),
    });
  }
}

async function remove(world: World, objects: readonly Planned[]): Promise<void> {
  for (const { key } of objects) await world.source.remove(key);
}

export async function reconcile(world: World, away: readonly string[]): Promise<Pass> {
  await writeFile(world.home.at('holdfast.yaml'), world.configWithout(new Set(away)));
  const began = performance.now();
  const { code, document } = await world.home.json<{ policies: readonly ReconcileReport[] }>('reconcile', policy, ...c);
  const [report] = document.policies;
  if (report === undefined) throw new Error('reconcile reported nothing');
  return { away, code, report, seconds: Math.round((performance.now() - began) / 100) / 10 };
}
