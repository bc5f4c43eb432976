import { keyToBytes } from '../../objects/key.ts';
import type { Key } from '../../objects/key.ts';
import type { HistoryEntry, ObjectRow } from '../rows.ts';
import { keptEvents } from './first-event.ts';
import type { Ledger } from './ledger.ts';
import { readObjects } from './rows.ts';

const selectHistory = `select h.at, t.name as target, h.event, h.detail
  from history h left join targets t on t.id = h.target_id where h.object_id = ? order by h.id`;

/** The object and its history, oldest first: the newest hundred entries and perhaps a few more. */
export function inspect(
  ledger: Ledger,
  policy: string,
  key: Key,
): { readonly object: ObjectRow; readonly history: readonly HistoryEntry[] } | undefined {
  const query = 'from objects o where o.policy_id = ? and o.key = ?';
  const [object] = readObjects(ledger, { sql: query, values: [ledger.names.policyId(policy), keyToBytes(key)] });
  if (object === undefined) return undefined;
  const entries = [...ledger.db.all<HistoryEntry>(selectHistory, object.id), ...keptEvents(ledger, object.id)];
  // Not all were written down when they happened, see `first-event.ts`. The sort keeps the order of equals.
  const history = entries.sort((one, other) => one.at - other.at).map((entry) => ({ ...entry }));
  return { object, history };
}
