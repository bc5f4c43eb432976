import type { Evidence } from '../../objects/evidence.ts';
import type { CopyOutcome } from '../claims.ts';
import type { CopyError } from '../rows.ts';
import { moveCopy } from './copies.ts';
import type { Move, StoredCopy } from './copies.ts';
import { noteVerified } from './first-event.ts';
import { note } from './history.ts';
import { renewReplaced } from './kept.ts';
import type { Ledger } from './ledger.ts';
import { dropCompleted } from './uploads.ts';

type OutcomeOf<S extends CopyOutcome['state']> = Extract<CopyOutcome, { state: S }>;

/**
 * Applies what became of one leased copy, of the object whose digest is `sha256` (null: unknown).
 * @returns false when the copy was proven to hold other bytes than the object's, or nobody knows its digest any more: the
 * object became another version and back meanwhile.
 * @throws Error for a move that `states.ts` does not have and for evidence that is none: mistakes in the program.
 */
export function applyOutcome(ledger: Ledger, copy: StoredCopy, outcome: CopyOutcome, sha256: string | null): boolean {
  switch (outcome.state) {
    case 'verified':
      return applyVerified(ledger, copy, outcome, sha256);
    case 'retry':
      applyRetry(ledger, copy, outcome);
      return true;
    case 'damaged':
      fail(ledger, copy, outcome, { state: 'damaged', version: outcome.version });
      return true;
    case 'failed':
      fail(ledger, copy, outcome, { state: 'failed', version: copy.version });
      return true;
    case 'released':
      return true;
  }
}

/**
 * What a write left at the target for a version that is no longer the object's: the next write replaces it, and keeps it
 * where the policy has a history, by what is proven of it.
 */
export function noteStanding(ledger: Ledger, copy: StoredCopy, version: string, evidence: Evidence): void {
  if (copy.state === 'verified' || copy.version === version) return;
  const { state, due_at: dueAt, attempts } = copy;
  renewReplaced(ledger, copy);
  note(ledger, copy.object_id, copy.target_id, 'outdated', `version ${version} holds the object's previous version`);
  moveCopy(ledger, copy, { state, version, dueAt, attempts, error: null, evidence });
}

function applyVerified(
  ledger: Ledger,
  copy: StoredCopy,
  outcome: OutcomeOf<'verified'>,
  sha256: string | null,
): boolean {
  const { version, evidence } = outcome;
  if (evidence.method === 'claimed') throw new Error('A claim is no evidence: the copy cannot be verified by it.');
  if (sha256 === null) {
    noteStanding(ledger, copy, version, evidence);
    return false;
  }
  if (evidence.sha256 !== sha256) {
    const message = `holds SHA-256 ${evidence.sha256}, the object is ${sha256}`;
    const dueAt = ledger.now();
    fail(ledger, copy, { dueAt, error: { code: 'checksum-mismatch', message } }, { state: 'damaged', version });
    return false;
  }
  const firstEvent = noteVerified(ledger, copy, outcome);
  const more = {
    ...(firstEvent === undefined ? {} : { firstEvent }),
    ...(outcome.recorded === undefined ? {} : { recorded: outcome.recorded }),
  };
  renewReplaced(ledger, copy);
  moveCopy(ledger, copy, { state: 'verified', version, dueAt: null, attempts: 0, error: null, evidence, ...more });
  if (outcome.upload !== undefined) dropCompleted(ledger, outcome.upload, copy.object_id);
  return true;
}

function applyRetry(ledger: Ledger, copy: StoredCopy, { dueAt, error }: OutcomeOf<'retry'>): void {
  if (copy.state === 'verified') throw new Error(`A verified copy has nothing to retry (object ${copy.object_id}).`);
  const { state, version } = copy;
  noteError(ledger, copy, 'retry', error);
  moveCopy(ledger, copy, { state, version, dueAt, attempts: copy.attempts + 1, error });
}

/** An attempt that ended with an error. Finding a good copy damaged is no attempt at anything. */
function fail(
  ledger: Ledger,
  copy: StoredCopy,
  { dueAt, error }: { readonly dueAt: number; readonly error: CopyError },
  to: Pick<Move, 'state' | 'version'>,
): void {
  const attempts = copy.state === 'verified' ? 0 : copy.attempts + 1;
  if (to.state !== copy.state) note(ledger, copy.object_id, copy.target_id, to.state, describe(error));
  else noteError(ledger, copy, to.state, error);
  moveCopy(ledger, copy, { ...to, dueAt, attempts, error });
}

/** Only when the cause is another one: an outage of a month is one entry. */
function noteError(ledger: Ledger, copy: StoredCopy, event: string, error: CopyError): void {
  if (copy.error_code !== error.code) note(ledger, copy.object_id, copy.target_id, event, describe(error));
}

function describe(error: CopyError): string {
  return `${error.code}: ${error.message.slice(0, 500)}`;
}
