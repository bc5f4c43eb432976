import type { PassSummary, PolicyState, Steadiness } from '../catalog/policies.ts';

/** A gap between passes shorter than this says nothing, and so long the times must have fitted together; in milliseconds. */
const day = 24 * 3_600_000;

/**
 * What age deletes, a clock that is wrong for a moment must not delete. Since when passes have ended without
 * a gap that is longer than a day and more than twice the gap before it: the clock jumped there, or nobody was at work.
 * Twice, so that where passes are always rare their times are believed.
 */
export function steadyAfter(before: PassSummary | null, finishedAt: number): Steadiness {
  if (before?.steady === undefined) return { since: finishedAt, interval: 0 };
  const { since } = before.steady;
  const interval = finishedAt - before.finishedAt;
  const jumped = interval > longestGap(before.steady);
  // A clock that was ahead and is right again must not make everything wait for the time it showed.
  return { since: jumped ? finishedAt : Math.min(since, finishedAt), interval: Math.max(0, interval) };
}

/** Whether `now` is so much like what the passes of a day before it showed that age may delete. */
export function isSteady({ lastPass }: Pick<PolicyState, 'lastPass'>, now: number): boolean {
  if (lastPass?.steady === undefined) return false;
  return now - lastPass.finishedAt <= longestGap(lastPass.steady) && lastPass.steady.since + day <= now;
}

function longestGap({ interval }: Steadiness): number {
  return Math.max(day, 2 * interval);
}
