import type { Catalog } from '../catalog/catalog.ts';
import type { Policy } from './policy.ts';

/** Fewer copies than these nobody waits for. */
const few = 100;

/**
 * Targets with so much more due work than another one that new objects would wait behind it: one that was away for
 * long while the process was not running, or that is new.
 */
export async function fallenBehind(catalog: Catalog, policies: readonly Policy[]): Promise<string[]> {
  const behind = new Set<string>();
  for (const { name: policy, targets } of policies) {
    const due = await Promise.all(
      targets.map(async ({ name }) => [name, (await catalog.outstanding(policy, { targets: [name] })).due] as const),
    );
    const least = Math.min(...due.map(([, count]) => count));
    for (const [name, count] of due) if (count > few && count > 2 * least) behind.add(name);
  }
  return [...behind];
}
