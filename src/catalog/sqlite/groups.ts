import type { CopyState } from '../states.ts';
import { keyRange } from './key-range.ts';
import type { KeyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import { fact } from './tally.ts';
import type { View } from './view.ts';

/** See `deleted-copies.ts`. */
export type TalliedState = CopyState | 'deleted';

/** Objects that are alike in all that is counted: the states of their copies and what is true of them. */
export interface Group {
  /** As `tallied` has it. */
  readonly copies: string;
  /** Bits of `fact`. */
  readonly facts: number;
  /** By target id; only the policy's targets as this process was told them. */
  readonly states: ReadonlyMap<number, TalliedState>;
  readonly objects: number;
  readonly bytes: number;
  /** Of the source's new versions that nobody has decided about. */
  readonly otherBytes: number;
}

type Row = Pick<Group, 'copies' | 'facts' | 'objects' | 'bytes' | 'otherBytes'>;

export const groupsSql =
  'select copies, facts, objects, bytes, other_bytes as otherBytes from tallies where policy_id = ?';

/** Looks at every object in the range. */
export function groupsBelowSql(range: KeyRange): string {
  return `select t.copies, t.facts, count(*) as objects, sum(t.size) as bytes, coalesce(sum(t.other_size), 0) as otherBytes
    from objects o indexed by objects_key cross join tallied t on t.object_id = o.id
    where o.policy_id = ? and ${range.sql} group by t.copies, t.facts`;
}

/** All objects of the policy whose keys start with the prefix, each in one group. Few combinations occur: few groups. */
export function readGroups({ db }: Ledger, { policyId, targets }: View, prefix: string): readonly Group[] {
  const known = new Set(targets.map((target) => target.id));
  const rows = prefix === '' ? db.all<Row>(groupsSql, policyId) : below();
  return rows.map((row) => ({ ...row, states: new Map(statesOf(row.copies).filter(([id]) => known.has(id))) }));

  function below(): readonly Row[] {
    const range = keyRange(prefix);
    return db.all<Row>(groupsBelowSql(range), policyId, ...range.values);
  }
}

const stateOf: Readonly<Record<string, TalliedState>> = {
  p: 'pending',
  u: 'unproven',
  v: 'verified',
  d: 'damaged',
  f: 'failed',
  x: 'deleted',
};

/** `3v7p` → the copy at target 3 is verified, that at target 7 pending. */
function statesOf(copies: string): readonly [number, TalliedState][] {
  return [...copies.matchAll(/(\d+)(\D)/g)].map(([, id, letter = '']) => {
    const state = stateOf[letter];
    if (state === undefined) throw new Error(`The catalog tallies copies by the unknown state "${letter}".`);
    return [Number(id), state];
  });
}

export function is(group: Group, ...names: readonly (keyof typeof fact)[]): boolean {
  return names.some((name) => (group.facts & fact[name]) !== 0);
}

export function verifiedOf(group: Group): number {
  return [...group.states.values()].filter((state) => state === 'verified').length;
}

/** Copies that there should be, and that are not verified. */
export function unverifiedOf(group: Group): number {
  return [...group.states.values()].filter((state) => state !== 'verified' && state !== 'deleted').length;
}

export function sumObjects(groups: readonly Group[]): number {
  return groups.reduce((total, group) => total + group.objects, 0);
}
