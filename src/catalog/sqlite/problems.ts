import { keyFromBytes, keyToBytes } from '../../objects/key.ts';
import type { ErrorCode } from '../../objects/errors.ts';
import type { Problem, ProblemRange } from '../counts.ts';
import type { CopyState } from '../states.ts';
import { keyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import { copyError } from './rows.ts';
import { viewOf } from './view.ts';

interface Row {
  readonly key: Uint8Array;
  readonly target: string;
  readonly state: CopyState;
  readonly error_code: ErrorCode | null;
  readonly error_message: string | null;
  readonly due_at: number | null;
}

/** Up to this many copies that are not verified, sorting them all is the cheaper way. */
const few = 5000;

const countSql = `select count(*) as n from (select 1 from copies indexed by copies_waiting
  where policy_id = ? and pending_since is not null limit ${few + 1})`;

const columns = 'o.key, t.name as target, c.state, c.error_code, c.error_message, c.due_at';

/** Where many are not verified, going through the keys soon finds the first of them; where few are, it would find them late. */
export function problems(
  ledger: Ledger,
  policy: string,
  { prefix = '', after, limit }: ProblemRange,
): readonly Problem[] {
  const { policyId, only } = viewOf(ledger, policy);
  const range = keyRange(prefix, after === undefined ? undefined : keyToBytes(after));
  const isFew = (ledger.db.get<{ readonly n: number }>(countSql, policyId)?.n ?? 0) <= few;
  const sql = isFew ? bySortSql(range.sql, only) : byKeySql(range.sql, only);
  return ledger.db.all<Row>(sql, policyId, ...range.values, limit).map((row) => ({
    key: keyFromBytes(row.key),
    target: row.target,
    state: row.state,
    error: copyError(row.error_code, row.error_message),
    dueAt: row.due_at,
  }));
}

export function bySortSql(range: string, only = ''): string {
  return `select ${columns} from copies u indexed by copies_waiting cross join objects o on o.id = u.object_id
    cross join copies c on c.object_id = u.object_id and c.target_id = u.target_id cross join targets t on t.id = c.target_id
    where u.policy_id = ? and u.pending_since is not null and ${range}${only} order by o.key, t.name limit ? + 0`;
}

export function byKeySql(range: string, only = ''): string {
  return `select ${columns} from objects o indexed by objects_key cross join copies c on c.object_id = o.id
    cross join targets t on t.id = c.target_id
    where o.policy_id = ? and c.due_at is not null and c.pending_since is not null and ${range}${only} order by o.key, t.name limit ? + 0`;
}
