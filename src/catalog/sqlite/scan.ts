import { keyToBytes } from '../../objects/key.ts';
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
