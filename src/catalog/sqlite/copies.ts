import type { Evidence, EvidenceMethod } from '../../objects/evidence.ts';
import type { CopyError } from '../rows.ts';
import { mayMove } from '../states.ts';
import type { CopyState } from '../states.ts';
import { isDeletedSql } from './deleted-copies.ts';
import type { Ledger } from './ledger.ts';

/** A copy as statements that change it need it. */
export interface StoredCopy {
  readonly object_id: number;
  readonly target_id: number;
  readonly state: CopyState;
  readonly version: string | null;
  readonly due_at: number | null;
  readonly attempts: number;
  readonly error_code: string | null;
  readonly updated_at: number;
  /** Null when nothing was ever proven of it. */
  readonly evidence_at: number | null;
  readonly evidence_method: EvidenceMethod | null;
  /** See `first-event.ts`. */
  readonly first_event: string | null;
}

/** Where a copy moves to. Evidence that is not given stays: it tells what was last proven. */
export interface Move {
  readonly state: CopyState;
  readonly version: string | null;
  readonly dueAt: number | null;
  readonly attempts: number;
  readonly error: CopyError | null;
  readonly evidence?: Evidence;
  /** How it came to be verified for the first time, see `first-event.ts`. */
  readonly firstEvent?: string;
  /** See `CopyRow`; left out: as it was. */
  readonly recorded?: boolean;
}

/** Characters of an error's message that are kept: some servers answer with whole pages. */
const maxMessage = 2000;

const columns = `c.object_id, c.target_id, c.state, c.version, c.due_at, c.attempts, c.error_code, c.updated_at,
  c.evidence_at, c.evidence_method, c.first_event`;

const selectAll = `select ${columns}, t.name from copies c join targets t on t.id = c.target_id where c.object_id = ?
  and not (${isDeletedSql})`;

const selectOne = `select ${columns} from targets t join copies c on c.target_id = t.id where t.name = ? and c.object_id = ?
  and not (${isDeletedSql})`;

const update = `update copies set state = ?3, version = ?4, due_at = ?5, attempts = ?6, error_code = ?7, error_message = ?8,
  evidence_method = coalesce(?9, evidence_method), evidence_sha256 = coalesce(?10, evidence_sha256),
  evidence_by = coalesce(?11, evidence_by), evidence_at = coalesce(?12, evidence_at),
  pending_since = case when ?3 = 'verified' then null else coalesce(pending_since, ?13) end, updated_at = ?13,
  first_event = coalesce(first_event, ?14), first_at = case when ?14 is null then first_at else coalesce(first_at, ?13) end,
  recorded = coalesce(?15, recorded)
  where object_id = ?1 and target_id = ?2`;

export function readCopies(ledger: Ledger, objectId: number): ReadonlyMap<string, StoredCopy> {
  const rows = ledger.db.all<StoredCopy & { readonly name: string }>(selectAll, objectId);
  return new Map(rows.map((row) => [row.name, row]));
}

export function readCopy(ledger: Ledger, objectId: number, target: string): StoredCopy | undefined {
  return ledger.db.get<StoredCopy>(selectOne, target, objectId);
}

/** @throws Error when `states.ts` has no such move: a mistake in the program. */
export function moveCopy(ledger: Ledger, copy: StoredCopy, move: Move): void {
  if (!mayMove(copy.state, move.state)) {
    throw new Error(`A copy cannot move from ${copy.state} to ${move.state} (object ${copy.object_id}).`);
  }
  const { evidence, error } = move;
  if (copy.state !== move.state) ledger.untallied.add(copy.object_id);
  ledger.db.run(
    update,
    copy.object_id,
    copy.target_id,
    move.state,
    move.version,
    move.dueAt,
    move.attempts,
    error?.code ?? null,
    error?.message.slice(0, maxMessage) ?? null,
    evidence?.method ?? null,
    evidence === undefined ? null : Buffer.from(evidence.sha256, 'hex'),
    evidence?.by ?? null,
    evidence?.at ?? null,
    ledger.now(),
    move.firstEvent ?? null,
    move.recorded === undefined ? null : Number(move.recorded),
  );
}
