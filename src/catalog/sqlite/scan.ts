import { keyFromBytes, keyToBytes, type Key } from '../../objects/key.ts';
import type { FurtherOnOptions } from '../catalog.ts';
import type { ObjectOutline, ObjectRow } from '../rows.ts';
import { keyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import { readOutlines } from './outlines.ts';
import { readObjects, type ObjectQuery } from './rows.ts';

const pageSize = 1000;

export interface Below {
  readonly prefix?: string;
}

export function scan(ledger: Ledger, policy: string, prefix: string): AsyncGenerator<readonly ObjectRow[]> {
  return pages(ledger, policy, prefix, readObjects);
}

export function outline(ledger: Ledger, policy: string, prefix: string): AsyncGenerator<readonly ObjectOutline[]> {
  return pages(ledger, policy, prefix, readOutlines);
}

/** Each page is one snapshot, hence consistent in itself; nothing is held open between pages. */
async function* pages<Row extends ObjectOutline>(
  ledger: Ledger,
  policy: string,
  prefix: string,
  read: (ledger: Ledger, query: ObjectQuery) => readonly Row[],
): AsyncGenerator<readonly Row[]> {
  const policyId = ledger.names.policyId(policy);
  let after: Uint8Array | undefined;
  for (;;) {
    const range = keyRange(prefix, after);
    const query = { sql: pageSql(range.sql), values: [policyId, ...range.values, pageSize] };
    const page = ledger.db.snapshot(() => read(ledger, query));
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    if (page.length < pageSize) return;
    after = keyToBytes(last.key);
  }
}

export function pageSql(range: string): string {
  return `from objects o indexed by objects_key where o.policy_id = ? and ${range} order by o.key limit ? + 0`;
}

/** Counts along the index alone. (Measured for a count of 4,000: 0.8 ms at most.) */
export function furtherOn(
  { db, names }: Ledger,
  policy: string,
  { prefix = '', after, count }: FurtherOnOptions,
): Key | undefined {
  const from = keyToBytes(after);
  const start = keyToBytes(prefix);
  const range = keyRange(prefix, Buffer.compare(from, start) < 0 ? undefined : from);
  const row = db.get<{ readonly key: Uint8Array }>(
    furtherOnSql(range.sql),
    names.policyId(policy),
    ...range.values,
    count - 1,
  );
  return row === undefined ? undefined : keyFromBytes(row.key);
}

export function furtherOnSql(range: string): string {
  return `select o.key from objects o indexed by objects_key where o.policy_id = ? and ${range}
    order by o.key limit 1 offset ? + 0`;
}
