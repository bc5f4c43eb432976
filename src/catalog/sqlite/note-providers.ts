import type { ProviderState } from '../policies.ts';
import type { Ledger } from './ledger.ts';

interface Row {
  readonly name: string;
  readonly state: ProviderState['state'];
  readonly last_error: string | null;
  readonly at: number;
}

/** Several processes leave word; the newest stays. */
const upsert = `insert into providers (name, state, last_error, at) values (?, ?, ?, ?) on conflict (name) do update
  set state = excluded.state, last_error = excluded.last_error, at = excluded.at where excluded.at >= at`;

export function noteProviders({ db }: Ledger, states: readonly ProviderState[]): void {
  for (const { provider, state, lastError, at } of states) {
    db.run(upsert, provider, state, lastError === null ? null : JSON.stringify(lastError), at);
  }
}

export function readProviders({ db }: Ledger): readonly ProviderState[] {
  const rows = db.all<Row>('select name, state, last_error, at from providers order by name');
  return rows.map(({ name, state, last_error: error, at }) => ({
    provider: name,
    state,
    lastError: error === null ? null : (JSON.parse(error) as ProviderState['lastError']),
    at,
  }));
}
