import type { Finding } from '../findings.ts';
import { isNewer } from './as-of.ts';
import { moveCopy, readCopy } from './copies.ts';
import type { Move, StoredCopy } from './copies.ts';
import { note } from './history.ts';
import type { Ledger } from './ledger.ts';

type FindingOf<K extends Finding['kind']> = Extract<Finding, { kind: K }>;

/** The target does not have what the row says. @returns whether anything changed. */
export function recordMissing(ledger: Ledger, finding: FindingOf<'missing'>): boolean {
  const copy = readCopy(ledger, finding.id, finding.target);
  if (copy === undefined || !isNewer(ledger, finding.asOf, copy.updated_at) || copy.version === null) return false;
  note(ledger, copy.object_id, copy.target_id, 'missing', `version ${copy.version} is not there`);
  moveCopy(ledger, copy, missingMove(ledger, copy));
  return true;
}

/** The old version that waits to be replaced is no longer there either: the write must not ask for it. */
export function missingMove(ledger: Ledger, copy: StoredCopy): Move {
  const due = { version: null, dueAt: ledger.now(), attempts: copy.attempts };
  switch (copy.state) {
    case 'verified':
      return { ...due, state: 'damaged', error: { code: 'not-found', message: 'missing' } };
    case 'unproven':
      return { ...due, state: 'pending', error: null };
    case 'pending':
    case 'damaged':
    case 'failed':
      return { ...due, state: copy.state, error: { code: 'not-found', message: 'missing' } };
  }
}

/**
 * Something stands at the key that the row does not name: it is to be proven, or replaced. What the row does name
 * is known already: good, proven wrong, or the version that a newer one shall replace.
 * @returns whether anything changed.
 */
export function recordStanding(ledger: Ledger, finding: FindingOf<'found' | 'foreign'>): boolean {
  const copy = readCopy(ledger, finding.id, finding.target);
  if (copy === undefined || copy.version === finding.version) return false;
  if (!isNewer(ledger, finding.asOf, copy.updated_at)) return false;
  const instead = copy.version === null ? '' : ` in place of ${copy.version}`;
  note(ledger, copy.object_id, copy.target_id, finding.kind, `version ${finding.version} is there${instead}`);
  moveCopy(ledger, copy, unproven(ledger, copy, finding.version));
  return true;
}

/** A verified copy shall be read back. @returns whether anything changed. */
export function recordRecheck(ledger: Ledger, finding: FindingOf<'recheck'>): boolean {
  const copy = readCopy(ledger, finding.id, finding.target);
  if (copy?.state !== 'verified') return false;
  note(ledger, copy.object_id, copy.target_id, 'recheck', 'to be read back');
  moveCopy(ledger, copy, unproven(ledger, copy, copy.version));
  return true;
}

function unproven(ledger: Ledger, copy: StoredCopy, version: string | null): Move {
  return { state: 'unproven', version, dueAt: ledger.now(), attempts: copy.attempts, error: null };
}
