import type { Catalog } from '../catalog/catalog.ts';
import type { Policy } from './policy.ts';

/** Fewer copies than these nobody waits for, and may as well be read twice. */
const few = 100;

/**
 * Targets with so much due work that new objects would wait behind it, while another one has next to none: one that was
 * away for long while the process was not running, or that is new. Where all have much to do, they travel together,
 * as each object is to be read once.
 */
export async function fallenBehind(catalog: Catalog, policies: readonly Policy[]): Promise<string[]> {
  const behind = new Set<string>();
  for (const { name: policy, targets } of policies) {
    const due = await Promise.all(
      targets.map(async ({ name }) => [name, (await catalog.outstanding(policy, { targets: [name] })).due] as const),
    );
    const least = Math.min(...due.map(([, count]) => count));
    for (const [name, count] of due) if (least <= few && count > few + least) behind.add(name);
  }
  return [...behind];
}
