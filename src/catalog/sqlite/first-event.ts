import type { CopyOutcome } from '../claims.ts';
import type { Finding } from '../findings.ts';
import type { HistoryEntry } from '../rows.ts';
import type { StoredCopy } from './copies.ts';
import { note } from './history.ts';
import type { Ledger } from './ledger.ts';

type Verified = Extract<CopyOutcome, { state: 'verified' }>;
type Audited = Extract<Finding, { kind: 'audited' }>;

const writeDown = `insert into history (object_id, target_id, at, event, detail)
  select object_id, target_id, first_at, first_event, evidence_method || ' by ' || evidence_by
  from copies where object_id = ? and target_id = ?`;

const clear = 'update copies set first_event = null, first_at = null where object_id = ? and target_id = ?';

const selectKept = `select c.first_at as at, t.name as target, c.first_event as event,
  c.evidence_method || ' by ' || c.evidence_by as detail
  from copies c join targets t on t.id = c.target_id where c.object_id = ? and c.first_event is not null`;

/**
 * Notes that a copy was proven, before it moves. That it was copied or adopted for the first time is kept with the
 * copy, told by the evidence, and written down when newer evidence takes that one's place.
 * @returns what to keep with the copy.
 */
export function noteVerified(ledger: Ledger, copy: StoredCopy, outcome: Verified): string | undefined {
  const { event = 'verified', evidence } = outcome;
  if (copy.evidence_at === null && (event === 'copied' || event === 'adopted')) return event;
  settleFirst(ledger, copy);
  note(ledger, copy.object_id, copy.target_id, event, `${evidence.method} by ${evidence.by}`);
  return undefined;
}

/** Notes what an audit changed. That a copy was found right once more is no change: its evidence tells when. */
export function noteAudited(ledger: Ledger, copy: StoredCopy, { version, evidence }: Audited): void {
  settleFirst(ledger, copy);
  const detail = `${evidence.method} by ${evidence.by}`;
  if (version !== copy.version) note(ledger, copy.object_id, copy.target_id, 'rechecked', `${detail}, now ${version}`);
  else if (evidence.method !== copy.evidence_method) note(ledger, copy.object_id, copy.target_id, 'rechecked', detail);
}

function settleFirst(ledger: Ledger, copy: StoredCopy): void {
  if (copy.first_event === null) return;
  ledger.db.run(writeDown, copy.object_id, copy.target_id);
  ledger.db.run(clear, copy.object_id, copy.target_id);
}

/** What is kept with the copies of an object and not written down yet. */
export function keptEvents({ db }: Ledger, objectId: number): readonly HistoryEntry[] {
  return db.all<HistoryEntry>(selectKept, objectId);
}
