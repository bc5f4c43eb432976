import type { PolicyCounts } from '../../../src/catalog/counts.ts';
import type { PolicyRow } from '../../../src/catalog/policies.ts';
import type { ObjectRow } from '../../../src/catalog/rows.ts';
import { copyStates } from '../../../src/catalog/states.ts';
import type { CopyState } from '../../../src/catalog/states.ts';

type Expected = Omit<PolicyCounts, 'oldestPendingSince' | 'lost' | 'sourceDamaged' | 'unidentified' | 'atRisk'>;

/** What `counts` must say, counted one by one. */
export function expectedCounts(objects: readonly ObjectRow[], policy: PolicyRow): Expected {
  const present = objects.filter((object) => object.state === 'present');
  return {
    objects: present.length,
    bytes: present.reduce((sum, object) => sum + object.size, 0),
    safe: present.filter((object) => verifiedOf(object) >= policy.minCopies).length,
    gone: objects.length - present.length,
    observed: objects.filter((object) => object.observed !== null).length,
    rejected: objects.filter((object) => object.rejected !== null).length,
    contested: objects.filter((object) => object.rejected !== null && object.observed !== null).length,
    backlogBytes: objects.reduce((sum, object) => sum + object.size * unverifiedOf(object), 0),
    copies: states(objects, () => true),
    byTarget: Object.fromEntries(policy.targets.map((name) => [name, atTarget(objects, name)])),
  };
}

function verifiedOf(object: ObjectRow): number {
  return object.copies.filter((copy) => copy.state === 'verified').length;
}

function unverifiedOf(object: ObjectRow): number {
  return object.copies.filter((copy) => copy.state !== 'verified').length;
}

function atTarget(objects: readonly ObjectRow[], name: string): PolicyCounts['byTarget'][string] {
  const copies = objects.flatMap((object) => object.copies.filter((copy) => copy.target === name));
  const oldest = (method: 'attested' | 'read'): number | null => {
    const times = copies.flatMap(({ state, evidence }) =>
      state === 'verified' && evidence?.method === method ? [evidence.at] : [],
    );
    return times.length === 0 ? null : Math.min(...times);
  };
  return {
    ...states(objects, (target) => target === name),
    oldestEvidenceAt: { attested: oldest('attested'), read: oldest('read') },
  };
}

function states(objects: readonly ObjectRow[], wanted: (target: string) => boolean): Record<CopyState, number> {
  const copies = objects.flatMap((object) => object.copies.filter((copy) => wanted(copy.target)));
  const counts = copyStates.map((state) => [state, copies.filter((copy) => copy.state === state).length]);
  return Object.fromEntries(counts) as Record<CopyState, number>;
}
