import { keyToBytes } from '../../objects/key.ts';
import type { ObjectRow } from '../rows.ts';
import { keyRange } from './key-range.ts';
import type { Ledger } from './ledger.ts';
import { readObjects } from './rows.ts';

const pageSize = 1000;

/** Each page is one snapshot, hence consistent in itself; nothing is held open between pages. */
export async function* scan(ledger: Ledger, policy: string, prefix: string): AsyncGenerator<readonly ObjectRow[]> {
  const policyId = ledger.names.policyId(policy);
  let after: Uint8Array | undefined;
  for (;;) {
    const page = readPage(ledger, policyId, prefix, after);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    if (page.length < pageSize) return;
    after = keyToBytes(last.key);
  }
}

function readPage(
  ledger: Ledger,
  policyId: number,
  prefix: string,
  after: Uint8Array | undefined,
): readonly ObjectRow[] {
  const range = keyRange(prefix, after);
  const query = { sql: pageSql(range.sql), values: [policyId, ...range.values, pageSize] };
  return ledger.db.snapshot(() => readObjects(ledger, query));
}

export function pageSql(range: string): string {
  return `from objects o indexed by objects_key where o.policy_id = ? and ${range} order by o.key limit ? + 0`;
}
