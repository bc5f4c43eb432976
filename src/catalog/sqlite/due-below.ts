import type { DueRow, DueWork } from './due.ts';
import { keyRange } from './key-range.ts';
import type { KeyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import { awaitedSql } from './awaited.ts';
import { isOverSql } from './set-back.ts';

type KeyedRow = DueRow & { readonly key: Uint8Array };

/** Of what others may wait for, so many are looked at in one claim. */
const window = 1000;

/** Up to this many due copies of a target, looking at all of them is the cheaper way. */
const few = 2000;

const countSql = `select count(*) as n from (select 1 from copies indexed by copies_due
  where policy_id = ? and target_id = ? and due_at <= ? limit ${few + 1})`;

/**
 * No index has both the due time and the key. Where few copies are due, the due ones are read, oldest first. Where
 * many are, the keys are: in key order, not oldest first, each claim going on where the one before it ended and
 * starting over at the end, so that what is settled already is not read again and again.
 */
export function dueBelow(ledger: Ledger, want: DueWork): readonly DueRow[] {
  const { policyId, targetId, prefix, dueBy, now, limit } = want;
  const due = ledger.db.get<{ readonly n: number }>(countSql, policyId, targetId, dueBy)?.n ?? 0;
  if (due > few) return sweep(ledger, want);
  const range = keyRange(prefix);
  return ledger.db.all<DueRow>(byDueSql(range, want.unless), policyId, targetId, dueBy, now, ...range.values, limit);
}

function sweep(ledger: Ledger, want: DueWork): readonly DueRow[] {
  const name = `${want.policyId} ${want.targetId} ${want.prefix}`;
  const cursor = ledger.cursors.get(name);
  const { rows, end } = readByKey(ledger, want, cursor);
  if (end !== undefined) {
    ledger.cursors.set(name, end);
    return rows;
  }
  ledger.cursors.delete(name);
  if (cursor === undefined) return rows;
  return [...rows, ...readByKey(ledger, want, undefined).rows].slice(0, want.limit);
}

interface Swept {
  readonly rows: readonly KeyedRow[];
  /** The last key that was looked at; undefined when none is left behind it. */
  readonly end: Uint8Array | undefined;
}

/** What others wait for is left out here, not in the statement, which would read on to the end where they wait for all. */
function readByKey(ledger: Ledger, want: DueWork, after: Uint8Array | undefined): Swept {
  const range = keyRange(want.prefix, after);
  const { policyId, targetId, dueBy, now, unless } = want;
  const limit = unless.length === 0 ? want.limit : Math.max(window, want.limit);
  const read = ledger.db.all<KeyedRow & { readonly awaited: number }>(
    byKeySql(range, unless),
    targetId,
    policyId,
    dueBy,
    now,
    ...range.values,
    limit,
  );
  const free = read.filter(({ awaited }) => awaited === 0);
  const rows = free.slice(0, want.limit);
  if (free.length > rows.length) return { rows, end: rows.at(-1)?.key };
  return { rows, end: read.length < limit ? undefined : read.at(-1)?.key };
}

export function byDueSql({ sql }: KeyRange, unless: readonly number[] = []): string {
  return `select c.object_id as id, c.due_at as due
    from copies c indexed by copies_due cross join objects o on o.id = c.object_id
    where c.policy_id = ?1 and c.target_id = ?2 and c.due_at <= ?3 and ${isOverSql('o.lease_until', '?4')} and ${sql}
      ${unless.length === 0 ? '' : `and not ${awaitedSql('o.id', unless, '?3')}`}
    order by c.due_at limit ? + 0`;
}

export function byKeySql({ sql }: KeyRange, unless: readonly number[] = []): string {
  return `select o.id, o.key, c.due_at as due, ${unless.length === 0 ? '0' : awaitedSql('o.id', unless, '?3')} as awaited
    from objects o indexed by objects_key cross join copies c on c.object_id = o.id and c.target_id = ?1
    where o.policy_id = ?2 and c.due_at <= ?3 and ${isOverSql('o.lease_until', '?4')} and ${sql}
    order by o.key limit ? + 0`;
}
