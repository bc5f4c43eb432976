import type { Catalog } from '../catalog/catalog.ts';
import type { GoneCounts } from '../catalog/deletions.ts';
import type { DecisionEntry } from '../catalog/holds.ts';
import type { DeletionWindow, PolicyState } from '../catalog/policies.ts';
import type { Policy } from './policy.ts';

/** What a pass would let the deletions of copies do, before the guard has judged it. */
export interface DeletionPlan extends DeletionWindow {
  /** Up to here it was let through before; null: nothing was. */
  readonly judged: number | null;
  /** Objects whose copies this pass would let go, and no pass before it. */
  readonly due: GoneCounts;
}

/** A gap shorter than this says nothing, however short `deletes.after` is, in milliseconds. */
const shortGap = 24 * 3_600_000;

/** Undefined where copies are retained. Asks the catalog only. */
export async function planDeletions(
  catalog: Catalog,
  { name, deleteAfter: after }: Policy,
  startedAt: number,
): Promise<DeletionPlan | undefined> {
  if (after === undefined) return undefined;
  const [decision] = await catalog.decisions(name, { limit: 1 });
  const window = continued(await catalog.readPolicy(name), decision, startedAt, after);
  const judged = latest(window.until, approvedBy(decision, window.since));
  const due = startedAt - after;
  // What went before the policy began to delete waits from then on: `since`, not the day it went.
  const until = due >= window.since ? latest(judged, due) : judged;
  const range = { after: judged ?? undefined, until: until ?? 0 };
  return { ...window, judged, until, due: await catalog.countGone(name, range) };
}

/** What the pass leaves for the next one and for the deleting. */
export function windowAfter({ since, interval, judged, until }: DeletionPlan, letThrough: boolean): DeletionWindow {
  return { since, interval, until: letThrough ? until : judged };
}

/**
 * Absence counts only while somebody looks. After a gap between complete passes that is longer than `after`, and more
 * than twice the gap before it, all waiting begins anew: Holdfast or the source was away, or the clock jumped, and what
 * the owner had `after` to notice was not shown to anybody. Twice, so that a policy that is always looked at rarely
 * does delete.
 */
export function continued(
  { lastPass, lastCompletePassAt }: Pick<PolicyState, 'lastPass' | 'lastCompletePassAt'>,
  decision: Pick<DecisionEntry, 'at'> | undefined,
  startedAt: number,
  after: number,
): DeletionWindow {
  const before = lastPass?.deletes;
  const looked = latest(lastCompletePassAt, decision?.at ?? null);
  const interval = looked === null ? 0 : Math.max(0, startedAt - looked);
  if (before === undefined) return { since: startedAt, interval, until: null };
  const unwatched = interval > Math.max(after, shortGap) && interval > 2 * before.interval;
  if (unwatched) return { since: startedAt, interval, until: null };
  // A clock that was ahead and is right again must not make everything wait for the time it showed.
  return { since: Math.min(before.since, startedAt), interval, until: before.until };
}

/** How far a person let deletions through that the guard held. */
function approvedBy(decision: DecisionEntry | undefined, since: number): number | null {
  if (decision?.decision !== 'released' || decision.at < since) return null;
  return decision.hold.deletions?.until ?? null;
}

function latest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
