import type { PolicyCounts } from '../counts.ts';
import { copyStates } from '../states.ts';
import type { CopyState } from '../states.ts';
import type { Ledger } from './ledger.ts';
import type { Target } from './names.ts';
import { readCounts } from './counts-read.ts';
import { viewOf } from './view.ts';
import type { Facts, Group } from './counts-read.ts';

type States = Record<CopyState, number>;

/**
 * Counts what is *not* verified and subtracts: every object has one copy row per target, and what is left to do has
 * its own index. So the cost grows with the work that is left, not with the catalog, but for one index of objects.
 */
export function counts(ledger: Ledger, policy: string, prefix: string): PolicyCounts {
  const view = viewOf(ledger, policy);
  const { targets, minCopies } = view;
  const facts = readCounts(ledger, view, prefix);
  const { groups } = facts;
  const present = groups.filter((group) => group.state === 'present');
  const verified = (group: Group): number => targets.length - group.unverified.size;
  const byTarget = Object.fromEntries(targets.map((target) => [target.name, statesAt(target, groups)]));
  const atRisk = present.filter((group) => verified(group) === minCopies);
  return {
    objects: sum(present),
    bytes: facts.bytes,
    safe: sum(present.filter((group) => verified(group) >= minCopies)),
    gone: sum(groups.filter((group) => group.state === 'gone')),
    observed: facts.observed,
    rejected: facts.rejected,
    contested: facts.contested,
    copies: addStates(Object.values(byTarget)),
    byTarget: withEvidence(byTarget, facts),
    atRisk: Object.fromEntries(targets.map(({ id, name }) => [name, sum(atRisk.filter((g) => !g.unverified.has(id)))])),
    oldestPendingSince: minimum(groups.map((group) => group.since)),
    sourceDamaged: facts.sourceDamaged,
    unidentified: facts.unidentified,
    lost: sum(groups.filter((group) => verified(group) === 0 && isLost(group))),
  };
}

/** The source does not have it, no copy may still turn out to be good, and none was deleted because it went. */
function isLost(group: Group): boolean {
  const states = [...group.unverified.values()];
  return group.sourceless && !states.includes('unproven') && !states.includes('deleted');
}

function statesAt(target: Target, groups: readonly Group[]): States {
  const states = noStates();
  for (const group of groups) {
    const state = group.unverified.get(target.id) ?? 'verified';
    if (state !== 'deleted') states[state] += group.objects;
  }
  return states;
}

function addStates(all: readonly States[]): States {
  const total = noStates();
  for (const states of all) for (const state of copyStates) total[state] += states[state];
  return total;
}

function withEvidence(byTarget: Readonly<Record<string, States>>, facts: Facts): PolicyCounts['byTarget'] {
  const entries = Object.entries(byTarget);
  return Object.fromEntries(
    entries.map(([name, states]) => [
      name,
      { ...states, oldestEvidenceAt: facts.oldestEvidence.get(name) ?? { attested: null, read: null } },
    ]),
  );
}

function noStates(): States {
  return { pending: 0, unproven: 0, verified: 0, damaged: 0, failed: 0 };
}

function sum(groups: readonly Group[]): number {
  return groups.reduce((total, group) => total + group.objects, 0);
}

function minimum(values: readonly (number | null)[]): number | null {
  return values.reduce((least, value) => (least === null || (value !== null && value < least) ? value : least), null);
}
