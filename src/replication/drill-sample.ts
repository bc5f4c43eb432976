import type { ObjectRow } from '../catalog/rows.ts';
import type { DrillSettings } from './policy.ts';
import type { Engine } from './worker.ts';

/** Numbers drawn together. */
const atOnce = 64;

/** So many numbers are drawn for each object wanted before what an exact draw finds is given up. */
const drawsPerObject = 8;

/**
 * Objects of a policy with a verified copy at a target, each at most once: chosen by chance, all with the same
 * chance, unless far more objects went than are there.
 */
export async function* drawn(
  { catalog, random }: Pick<Engine, 'catalog' | 'random'>,
  policy: string,
  target: string,
  { sample }: Pick<DrillSettings, 'sample'>,
): AsyncGenerator<ObjectRow, void, undefined> {
  const seen = new Set<number>();
  const rounds = Math.ceil((sample * drawsPerObject) / atOnce);
  for (const exact of [true, false]) {
    for (let round = 0; round < rounds; round += 1) {
      const draws = Array.from({ length: atOnce }, random);
      for (const object of await catalog.drills.draw(policy, { target, draws, exact })) {
        if (seen.has(object.id)) continue;
        seen.add(object.id);
        yield object;
      }
    }
  }
}
