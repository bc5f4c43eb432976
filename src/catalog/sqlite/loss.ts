import type { Loss } from '../losses.ts';
import { is, readGroups, sumObjects } from './groups.ts';
import type { Group } from './groups.ts';
import type { Ledger } from './ledger.ts';
import { viewOf } from './view.ts';
import type { View } from './view.ts';

/** Target ids; null: the source. */
type Lost = ReadonlySet<number | null>;

/** See `catalog/losses.ts` for what counts as lost. */
export function lossOf(ledger: Ledger, policy: string, names: readonly string[]): Loss {
  const view = viewOf(ledger, policy);
  const places = [{ id: null, name: view.source }, ...view.targets];
  const lost: Lost = new Set(places.filter(({ name }) => names.includes(name)).map(({ id }) => id));
  const groups = readGroups(ledger, view, '');
  const affected = groups.filter((group) => isLostWithout(group, lost));
  const rest = groups.filter((group) => !isLostWithout(group, lost) && hasPlace(group, new Set()));
  return {
    objects: sumObjects(affected),
    bytes: affected.reduce((total, group) => total + bytesLost(group, lost), 0),
    ...ages(ledger, view, affected, lost),
    left: leftOf(rest, lost),
    ...lackOf(rest, lost, view.minCopies),
  };
}

/** Whether some content of these objects would have no place any more. */
export function isLostWithout(group: Group, lost: Lost): boolean {
  return losesOwn(group, lost) || losesOther(group, lost);
}

/** The content of the row's version. */
function losesOwn(group: Group, lost: Lost): boolean {
  return hasPlace(group, new Set()) && !hasPlace(group, lost);
}

/** The source's new version, which nobody has decided about. */
function losesOther(group: Group, lost: Lost): boolean {
  return lost.has(null) && is(group, 'overwritten');
}

function hasPlace(group: Group, lost: Lost): boolean {
  return copiesLeft(group, lost) > 0 || (!lost.has(null) && isAtSource(group));
}

function isAtSource(group: Group): boolean {
  return !is(group, 'gone', 'vanished', 'overwritten', 'misread', 'rejected', 'sourceDamaged');
}

function copiesLeft(group: Group, lost: Lost): number {
  return [...group.states].filter(([id, state]) => state === 'verified' && !lost.has(id)).length;
}

function bytesLost(group: Group, lost: Lost): number {
  return (losesOwn(group, lost) ? group.bytes : 0) + (losesOther(group, lost) ? group.otherBytes : 0);
}

function leftOf(rest: readonly Group[], lost: Lost): Loss['left'] {
  const left: Record<number, number> = {};
  for (const group of rest) {
    const copies = copiesLeft(group, lost);
    left[copies] = (left[copies] ?? 0) + group.objects;
  }
  return left;
}

/** Of what is gone no new copies are wanted. */
function lackOf(rest: readonly Group[], lost: Lost, minCopies: number): Pick<Loss, 'belowMinCopies' | 'lacking'> {
  const below = rest.filter((group) => !is(group, 'gone') && copiesLeft(group, lost) < minCopies);
  const lack = (group: Group): number => minCopies - copiesLeft(group, lost);
  return {
    belowMinCopies: sumObjects(below),
    lacking: {
      copies: below.reduce((total, group) => total + group.objects * lack(group), 0),
      bytes: below.reduce((total, group) => total + group.bytes * lack(group), 0),
    },
  };
}

type Extreme = 'min' | 'max';

export function ownAgeSql(extreme: Extreme): string {
  return `select ${extreme}(modified_at) as at from tallied indexed by tallied_newest
    where policy_id = ? and copies = ? and facts = ?`;
}

export function otherAgeSql(extreme: Extreme): string {
  return `select ${extreme}(other_modified_at) as at from tallied indexed by tallied_other
    where policy_id = ? and other_modified_at is not null`;
}

function ages(
  ledger: Ledger,
  view: View,
  affected: readonly Group[],
  lost: Lost,
): { readonly newestAt: number | null; readonly oldestAt: number | null } {
  const newest = timesOf(ledger, view, affected, lost, 'max');
  const oldest = timesOf(ledger, view, affected, lost, 'min');
  return {
    newestAt: newest.length === 0 ? null : Math.max(...newest),
    oldestAt: oldest.length === 0 ? null : Math.min(...oldest),
  };
}

/** One look into an index per group: there are few, however many objects. */
function timesOf(
  { db }: Ledger,
  { policyId }: View,
  affected: readonly Group[],
  lost: Lost,
  extreme: Extreme,
): readonly number[] {
  const at = (sql: string, ...values: (string | number)[]): number[] => {
    const time = db.get<{ readonly at: number | null }>(sql, policyId, ...values)?.at ?? null;
    return time === null ? [] : [time];
  };
  const own = affected.filter((group) => losesOwn(group, lost));
  return [
    ...own.flatMap(({ copies, facts }) => at(ownAgeSql(extreme), copies, facts)),
    ...(affected.some((group) => losesOther(group, lost)) ? at(otherAgeSql(extreme)) : []),
  ];
}
