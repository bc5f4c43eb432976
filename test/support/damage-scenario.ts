import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from '../../src/objects/clock.ts';
import type { Key } from '../../src/objects/key.ts';
import { bytesOf } from './bytes.ts';
import { fileVandal } from './damage-files.ts';
import { shuffled } from './damage-objects.ts';
import { harmable, Unharmed, vandalize, type Deed } from './damage-plan.ts';
import type { Site, World } from './damage-world.ts';

/** What people did to the source: nothing of it is damage. */
export interface Changes {
  readonly edited: ReadonlyMap<Key, Buffer>;
  readonly deleted: readonly Key[];
  /** Another mode, so that the version is another one and nothing else. */
  readonly touched: readonly Key[];
}

export interface Scenario {
  readonly deeds: readonly Deed[];
  readonly changes: Changes;
  /** The objects that are damaged at the source, as they are there. */
  readonly rotten: ReadonlyMap<Key, Buffer>;
}

/** How often each kind of damage is done in each way to each provider. */
const times = 3;
const changesOfEachKind = 4;

/** Damages every provider and changes the source, some objects at several places, but none everywhere. */
export async function wreak(world: World, objects: ReadonlyMap<Key, Buffer>, random: Random): Promise<Scenario> {
  const source = world.desk.at('source');
  const spared = shuffled(harmable(objects), random).slice(0, 3 * changesOfEachKind);
  const atSource = await harmSource(source, objects, random, new Set(spared));
  const changes = await change(source, spared, random);
  const rotten = new Map<Key, Buffer>();
  for (const key of atSource.flatMap(({ keys }) => keys)) rotten.set(key, await readFile(join(source, key)));
  const deeds = [...atSource];
  for (const [n, site] of world.sites.entries()) {
    const first = ofManyWounds(n, world.sites.length, [...rotten.keys()], changes);
    deeds.push(...(await harmTarget(site, objects, random, new Unharmed(objects, random, first, new Set(spared)))));
  }
  return { deeds, changes, rotten };
}

/** The bytes that every copy must have in the end: rot of the source is not followed, what people did is. */
export function rightBytes(objects: ReadonlyMap<Key, Buffer>, { edited }: Changes): ReadonlyMap<Key, Buffer> {
  return new Map([...objects, ...edited]);
}

async function harmSource(
  directory: string,
  objects: ReadonlyMap<Key, Buffer>,
  random: Random,
  spared: ReadonlySet<Key>,
): Promise<readonly Deed[]> {
  const unharmed = new Unharmed(objects, random, [], spared);
  // What has another size, or is gone, is no damage but a change: somebody may have meant it.
  const vandal = { write: fileVandal(directory).write, keepsSize: true };
  return await vandalize('primary', 'silent', vandal, { objects, random, unharmed }, times);
}

async function harmTarget(
  { name, vandals }: Site,
  objects: ReadonlyMap<Key, Buffer>,
  random: Random,
  unharmed: Unharmed,
): Promise<readonly Deed[]> {
  const deeds: Deed[] = [];
  for (const way of ['silent', 'loud'] as const) {
    deeds.push(...(await vandalize(name, way, vandals[way], { objects, random, unharmed }, times)));
  }
  return deeds;
}

/**
 * What the nth target is damaged in first: an object that is damaged at the source too, one that is gone from there,
 * one that was touched there; and, at all targets but the last, the same one that is damaged at the source.
 */
function ofManyWounds(n: number, targets: number, rotten: readonly Key[], changes: Changes): readonly Key[] {
  const everywhere = n < targets - 1 ? rotten.at(-1) : undefined;
  return [rotten[n], changes.deleted[n], changes.touched[n], everywhere].flatMap((key) => key ?? []);
}

async function change(directory: string, keys: readonly Key[], random: Random): Promise<Changes> {
  const [some, others, rest] = [0, 1, 2].map((n) => keys.slice(n * changesOfEachKind, (n + 1) * changesOfEachKind));
  const size = (): number => 1 + Math.floor(random() * 3_000);
  const edited = new Map((some ?? []).map((key) => [key, bytesOf(size(), `edited ${key}`)]));
  const [deleted = [], touched = []] = [others, rest];
  for (const [key, bytes] of edited) await writeFile(join(directory, key), bytes);
  for (const key of deleted) await rm(join(directory, key));
  for (const key of touched) await chmod(join(directory, key), 0o600);
  return { edited, deleted, touched };
}
