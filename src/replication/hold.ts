import type { Catalog } from '../catalog/catalog.ts';
import type { Decision, HoldVerdict } from '../catalog/holds.ts';
import { mayComeOnTop } from './guard.ts';
import type { Policy } from './policy.ts';

/**
 * A person decides a policy's hold. The rule that loses nothing:
 *
 * - `released` lets through exactly what is noted as held, now, and accepts the source's new identity where that was a
 *   reason. It is refused while the source could not be listed to its end (nobody knows what else would go), and when
 *   many more changes were noted than the hold that the person saw speaks of.
 * - `rejected` never changes a copy and never accepts a source. What is true of the source as a whole (another one, not
 *   listed to its end) stays held until it is true no more or is released; the objects that changed are kept, one by
 *   one, against that very change.
 */
export async function decideHold(
  catalog: Catalog,
  policy: Policy,
  decision: Decision,
  by: string,
): Promise<HoldVerdict> {
  const { hold } = await catalog.readPolicy(policy.name);
  const { objects } = await catalog.counts(policy.name);
  const judged = hold === null ? 0 : hold.overwritten + hold.vanished;
  return await catalog.decideHold(policy.name, decision, { by, atMost: judged + mayComeOnTop(objects, policy.guard) });
}
