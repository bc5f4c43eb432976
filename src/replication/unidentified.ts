import type { Catalog } from '../catalog/catalog.ts';
import type { PolicyCounts } from '../catalog/counts.ts';
import type { Hold } from '../catalog/holds.ts';
import type { PolicyState } from '../catalog/policies.ts';
import { judge, type Preflight } from './guard.ts';
import type { Policy } from './policy.ts';
import { bothOf, type Reason } from './reasons.ts';

/** What cannot be identified for so long is a person's to decide about, in milliseconds. */
const patience = 24 * 3_600_000;

/** Copies that are looked through for one to name. */
const searched = 100;

/** What is not let through yet: left to the next pass, or to a person. */
export type Withheld = { readonly postponed: Reason } | { readonly hold: Hold };

/**
 * After the catalog was lost, nobody knows of what is not identified yet whether it changed. Changes are let through if they
 * would be had all of it changed too: one object that cannot be read holds up no other, and no loss at the source
 * passes in two halves.
 * @returns undefined when nothing unidentified stands against it.
 */
export async function withheld(
  catalog: Pick<Catalog, 'problems'>,
  policy: Policy,
  seen: Preflight,
  state: PolicyState,
  counts: PolicyCounts,
  now: number,
): Promise<Withheld | undefined> {
  if (counts.observed === 0 || counts.unidentified === 0) return undefined;
  const undecided = Math.max(seen.overwritten + seen.vanished, seen.undecided) + counts.unidentified;
  const hold = judge({ ...seen, undecided }, state, policy.guard, now);
  if (hold === undefined) return undefined;
  const what = await named(catalog, policy, counts.unidentified);
  const why = 'had they changed as well, the guard would hold what changed';
  if (!isOverdue(counts, now)) {
    return { postponed: because(what, `${why}; changes are judged once it is known`) };
  }
  return { hold: { ...hold, ...bothOf([because(what, why)]) } };
}

/**
 * A rebuilt catalog may know a version and not its bytes, which its copies are yet to tell; until then another version at
 * the source may be just those bytes, put back there. What the guard holds for nothing else waits for that.
 * @returns why it waits; undefined when it is held.
 */
export async function notYetComparable(
  catalog: Pick<Catalog, 'problems'>,
  policy: Policy,
  seen: Preflight,
  incomparable: number,
  state: PolicyState,
  counts: Pick<PolicyCounts, 'oldestPendingSince'>,
  now: number,
): Promise<Reason | undefined> {
  if (incomparable === 0 || state.hold !== null || isOverdue(counts, now)) return undefined;
  const overwritten = seen.overwritten - incomparable;
  const certain = { ...seen, overwritten, undecided: Math.max(0, seen.undecided - incomparable) };
  if (judge(certain, state, policy.guard, now) !== undefined) return undefined;
  return because(await named(catalog, policy, incomparable), 'whether they changed is judged once it is known');
}

function because({ full, open }: Reason, ending: string): Reason {
  return { full: `${full}; ${ending}`, open: `${open}; ${ending}` };
}

function isOverdue({ oldestPendingSince }: Pick<PolicyCounts, 'oldestPendingSince'>, now: number): boolean {
  return now - (oldestPendingSince ?? now) >= patience;
}

async function named(catalog: Pick<Catalog, 'problems'>, { name }: Policy, count: number): Promise<Reason> {
  const problems = await catalog.problems(name, { limit: searched });
  const one = problems.find(({ state, error }) => state === 'unproven' && error !== null);
  const what = `what stands at the targets is still being identified: the catalog does not know ${count} objects`;
  if (!one?.error) return { full: what, open: what };
  const { key, target, error } = one;
  return { full: `${what} (${key} at ${target}: ${error.message})`, open: `${what} (at ${target}: ${error.code})` };
}
