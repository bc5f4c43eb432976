import type { PolicyCounts } from '../counts.ts';
import { copyStates } from '../states.ts';
import type { CopyState } from '../states.ts';
import { readOldestEvidence, readOldestPending } from './counts-read.ts';
import { is, readGroups, sumObjects, unverifiedOf, verifiedOf } from './groups.ts';
import type { Group } from './groups.ts';
import type { Ledger } from './ledger.ts';
import { isLostWithout } from './loss.ts';
import { narrowPrefix } from './narrow-prefix.ts';
import type { Target } from './names.ts';
import { viewOf } from './view.ts';
import type { View } from './view.ts';

type States = Record<CopyState, number>;

/** Adds up groups of objects that are tallied as they change: without a prefix the cost does not grow with the catalog. */
export function counts(ledger: Ledger, policy: string, prefix: string): PolicyCounts {
  const view = viewOf(ledger, policy);
  const narrowed = narrowPrefix(ledger, view.policyId, prefix);
  const groups = readGroups(ledger, view, narrowed);
  const evidence = readOldestEvidence(ledger, view, narrowed);
  const byTarget = view.targets.map((target) => [target.name, statesAt(target, groups)] as const);
  return {
    ...objectsOf(groups, view),
    backlogBytes: groups.reduce((total, group) => total + group.bytes * unverifiedOf(group), 0),
    copies: addStates(byTarget.map(([, states]) => states)),
    byTarget: Object.fromEntries(
      byTarget.map(([name, states]) => [
        name,
        { ...states, oldestEvidenceAt: evidence.get(name) ?? { attested: null, read: null } },
      ]),
    ),
    oldestPendingSince: readOldestPending(ledger, view, narrowed),
  };
}

function objectsOf(
  groups: readonly Group[],
  view: View,
): Omit<PolicyCounts, 'copies' | 'backlogBytes' | 'byTarget' | 'oldestPendingSince'> {
  const count = (wanted: (group: Group) => boolean): number => sumObjects(groups.filter(wanted));
  const present = groups.filter((group) => !is(group, 'gone'));
  const places = [{ name: view.source, id: null }, ...view.targets];
  return {
    objects: sumObjects(present),
    bytes: present.reduce((total, group) => total + group.bytes, 0),
    safe: sumObjects(present.filter((group) => verifiedOf(group) >= view.minCopies)),
    gone: count((group) => is(group, 'gone')),
    observed: count(isObserved),
    rejected: count((group) => is(group, 'rejected')),
    contested: count((group) => is(group, 'rejected') && isObserved(group)),
    atRisk: Object.fromEntries(
      places.map(({ id, name }) => [name, count((group) => isLostWithout(group, new Set([id])))]),
    ),
    lost: count(isLost),
    sourceDamaged: count((group) => is(group, 'sourceDamaged')),
    unidentified: count(isUnidentified),
  };
}

function isObserved(group: Group): boolean {
  return is(group, 'vanished', 'overwritten', 'misread');
}

/** The source does not have it, no copy is or may still turn out to be good, and none was deleted because it went. */
function isLost(group: Group): boolean {
  const states = new Set(group.states.values());
  const isSourceless = is(group, 'gone', 'vanished', 'rejected', 'sourceDamaged');
  return isSourceless && !states.has('verified') && !states.has('unproven') && !states.has('deleted');
}

function isUnidentified(group: Group): boolean {
  const standing = [...group.states.values()].includes('unproven');
  return standing && is(group, 'unread') && !is(group, 'gone') && !isObserved(group);
}

function statesAt(target: Target, groups: readonly Group[]): States {
  const states = noStates();
  for (const group of groups) {
    const state = group.states.get(target.id) ?? 'deleted';
    if (state !== 'deleted') states[state] += group.objects;
  }
  return states;
}

function addStates(all: readonly States[]): States {
  const total = noStates();
  for (const states of all) for (const state of copyStates) total[state] += states[state];
  return total;
}

function noStates(): States {
  return { pending: 0, unproven: 0, verified: 0, damaged: 0, failed: 0 };
}
