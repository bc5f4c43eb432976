import type { OldestEvidence } from '../counts.ts';
import type { CopyState } from '../states.ts';
import { keyRange } from './key-range.ts';
import type { KeyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import { narrowPrefix } from './narrow-prefix.ts';
import type { View } from './view.ts';

/** See `deleted-copies.ts`. */
export type UnverifiedState = CopyState | 'deleted';

/** Objects whose copies are in the same states. */
export interface Group {
  readonly state: 'present' | 'gone';
  /** The source has the row's version no more, or has it damaged. */
  readonly sourceless: boolean;
  /** Copies that are not verified, by target id. */
  readonly unverified: ReadonlyMap<number, UnverifiedState>;
  readonly objects: number;
  /** Since when the oldest of these copies has been waiting. */
  readonly since: number | null;
}

export interface Facts {
  /** All objects, each in one group. */
  readonly groups: readonly Group[];
  readonly bytes: number;
  readonly observed: number;
  readonly rejected: number;
  readonly contested: number;
  readonly sourceDamaged: number;
  readonly unidentified: number;
  /** By target name. */
  readonly oldestEvidence: ReadonlyMap<string, OldestEvidence>;
}

interface TotalRow {
  readonly state: 'present' | 'gone';
  readonly objects: number;
  readonly bytes: number;
}

interface GroupRow {
  readonly state: 'present' | 'gone';
  readonly sourceless: number;
  /** `<target id>:<state>,…` */
  readonly copies: string;
  readonly objects: number;
  readonly since: number | null;
}

export function readCounts(ledger: Ledger, { policyId, targets, only }: View, prefix: string): Facts {
  const { db } = ledger;
  const narrowed = narrowPrefix(ledger, policyId, prefix);
  const range = narrowed === '' ? undefined : keyRange(narrowed);
  const values = [policyId, ...(range?.values ?? [])];
  const totals = db.all<TotalRow>(totalsSql(range), ...values);
  const groups = db.all<GroupRow>(unverifiedSql(range, only), ...values).map(parseGroup);
  const count = (sql: string): number => db.get<{ readonly n: number }>(sql, ...values)?.n ?? 0;
  const [observed, rejected] = [count(observedSql(range)), count(rejectedSql(range))];
  return {
    groups: [...groups, ...totals.map((total) => verifiedGroup(total, groups))],
    bytes: totals.find((row) => row.state === 'present')?.bytes ?? 0,
    observed,
    rejected,
    // It reads rows, the others an index alone.
    contested: observed === 0 || rejected === 0 ? 0 : count(contestedSql(range)),
    sourceDamaged: count(sourceDamagedSql(range)),
    unidentified: db.get<{ readonly n: number }>(unidentifiedSql(range, only), ...values)?.n ?? 0,
    oldestEvidence: new Map(targets.map(({ id, name }) => [name, oldestEvidence(ledger, policyId, id, range)])),
  };
}

function parseGroup(row: GroupRow): Group {
  const pairs = row.copies.split(',').map((pair): [number, UnverifiedState] => {
    const [id, state] = pair.split(':');
    return [Number(id), state as UnverifiedState];
  });
  return { ...row, sourceless: row.sourceless === 1, unverified: new Map(pairs) };
}

/** The objects that no other group has: all their copies are verified. */
function verifiedGroup({ state, objects }: TotalRow, others: readonly Group[]): Group {
  const same = others.filter((group) => group.state === state);
  const rest = objects - same.reduce((total, group) => total + group.objects, 0);
  return { state, sourceless: false, unverified: new Map(), objects: rest, since: null };
}

function oldestEvidence(
  ledger: Ledger,
  policyId: number,
  targetId: number,
  range: KeyRange | undefined,
): OldestEvidence {
  const oldest = (method: keyof OldestEvidence): number | null => {
    const values = [policyId, targetId, method, ...(range?.values ?? [])];
    return ledger.db.get<{ readonly at: number | null }>(evidenceSql(range), ...values)?.at ?? null;
  };
  return { attested: oldest('attested'), read: oldest('read') };
}

export function totalsSql(range?: KeyRange): string {
  const index = range === undefined ? 'objects_state' : 'objects_key';
  return `select o.state, count(*) as objects, total(o.size) as bytes from objects o indexed by ${index}
    where o.policy_id = ?${and(range)} group by o.state`;
}

/** Grouped by the states of their copies, of which few combinations occur: the answer is small. */
export function unverifiedSql(range?: KeyRange, only = ''): string {
  return `select o.state, o.observed_kind is 'vanished' or o.state = 'gone' or o.source_damaged_at is not null
      or o.rejected_kind is not null as sourceless,
    u.copies, count(*) as objects, min(u.since) as since
    from (${unverifiedObjectsSql(range, only)}) u cross join objects o on o.id = u.object_id group by 1, 2, 3`;
}

function unverifiedObjectsSql(range: KeyRange | undefined, only: string): string {
  const state = `case when c.pending_since is null then 'deleted' else c.state end`;
  const columns = `c.object_id, group_concat(c.target_id || ':' || ${state}) as copies, min(c.pending_since) as since`;
  if (range === undefined) {
    return `select ${columns} from copies c indexed by copies_unverified
      where c.policy_id = ? and c.due_at is not null${only} group by c.object_id`;
  }
  return `select ${columns} from objects o indexed by objects_key cross join copies c on c.object_id = o.id
    where o.policy_id = ?${and(range)} and c.due_at is not null${only} group by o.key`;
}

export function observedSql(range?: KeyRange): string {
  return `select count(*) as n from objects o indexed by objects_observed
    where o.policy_id = ? and o.observed_kind is not null${and(range)}`;
}

export function rejectedSql(range?: KeyRange): string {
  return `select count(*) as n from objects o indexed by objects_rejected
    where o.policy_id = ? and o.rejected_kind is not null${and(range)}`;
}

export function contestedSql(range?: KeyRange): string {
  return `${observedSql(range)} and o.rejected_kind is not null`;
}

export function sourceDamagedSql(range?: KeyRange): string {
  return `select count(*) as n from objects o indexed by objects_damaged
    where o.policy_id = ? and o.source_damaged_at is not null${and(range)}`;
}

export function unidentifiedSql(range?: KeyRange, only = ''): string {
  return `select count(distinct c.object_id) as n from copies c indexed by copies_unverified
    cross join objects o on o.id = c.object_id where c.policy_id = ? and c.due_at is not null${only}
    and c.state = 'unproven' and o.sha256 is null and o.state = 'present' and o.observed_kind is null${and(range)}`;
}

export function evidenceSql(range?: KeyRange): string {
  if (range === undefined) {
    return `select min(c.evidence_at) as at from copies c indexed by copies_evidence
      where c.policy_id = ? and c.target_id = ? and c.evidence_method = ? and c.state = 'verified'`;
  }
  return `select c.evidence_at as at from copies c indexed by copies_evidence cross join objects o on o.id = c.object_id
    where c.policy_id = ? and c.target_id = ? and c.evidence_method = ? and c.state = 'verified'${and(range)} order by c.evidence_at limit 1`;
}

function and(range: KeyRange | undefined): string {
  return range === undefined ? '' : ` and ${range.sql}`;
}
