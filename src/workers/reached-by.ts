import type { Reached } from '../providers/once-reached.ts';
import type { Policy } from '../replication/policy.ts';

/** The places of these policies that were reached in this thread. */
export function reachedBy(policies: readonly Policy[]): Reached {
  const sites = policies.flatMap(({ source, targets }) => [source, ...targets]);
  return new Map(sites.filter(({ isReached }) => isReached).map(({ name, identity }) => [name, identity]));
}
