import type { CopyOutcome } from '../claims.ts';
import type { CopyPace } from '../losses.ts';
import type { Ledger } from './ledger.ts';

/** Copying without a pause, as this process settles it. Milliseconds since the epoch. */
export interface Stretch {
  readonly startedAt: number;
  lastAt: number;
  notedAt: number;
  copies: number;
  bytes: number;
}

/** A longer time without any copy is a pause. */
const pauseMs = 10_000;
/** What is shorter says little; what is longer is several stretches, so that one slow day hides no busy hour. */
const [shortest, longest] = [10_000, 600_000];
/** Written this often while it goes on. */
const noteEvery = 10_000;
const [enoughCopies, enoughBytes] = [100, 64 * 2 ** 20];
const keptFor = 30 * 86_400_000;

/** The busiest stays, until it is too old. */
const note = `insert into copy_pace (policy_id, copies, bytes, ms, at) values (?1, ?2, ?3, ?4, ?5)
  on conflict do update set copies = excluded.copies, bytes = excluded.bytes, ms = excluded.ms, at = excluded.at
  where (excluded.bytes, excluded.copies) >= (bytes, copies) or at < ?5 - ${keptFor} or at > ?5`;

/** In memory, and rarely in the catalog: settling must not pay for it. */
export function notePace(
  ledger: Ledger,
  { policy_id: policyId, size }: { readonly policy_id: number; readonly size: number },
  outcomes: readonly CopyOutcome[],
): void {
  const made = outcomes.filter((each) => each.state === 'verified' && isMade(each.event)).length;
  if (made === 0) return;
  const now = ledger.now();
  const stretch = ledger.stretches.get(policyId);
  if (stretch === undefined || !goesOn(stretch, now)) {
    // When the copies that begin it were begun, nobody knows: they do not count.
    ledger.stretches.set(policyId, { startedAt: now, lastAt: now, notedAt: now, copies: 0, bytes: 0 });
    return;
  }
  stretch.lastAt = now;
  stretch.copies += made;
  stretch.bytes += made * size;
  if (now - stretch.notedAt >= noteEvery) write(ledger, policyId, stretch);
}

export function copyPace(ledger: Ledger, policy: string): CopyPace | null {
  const sql = 'select copies, bytes, ms, at from copy_pace where policy_id = ? and at >= ?';
  return ledger.db.get<CopyPace>(sql, ledger.names.policyId(policy), ledger.now() - keptFor) ?? null;
}

function isMade(event: string | undefined): boolean {
  return event === 'copied' || event === 'repaired';
}

function goesOn({ startedAt, lastAt }: Stretch, now: number): boolean {
  return now >= lastAt && now - lastAt <= pauseMs && now - startedAt <= longest;
}

function write({ db }: Ledger, policyId: number, stretch: Stretch): void {
  const { startedAt, lastAt, copies, bytes } = stretch;
  stretch.notedAt = lastAt;
  const says = lastAt - startedAt >= shortest && (copies >= enoughCopies || bytes >= enoughBytes);
  if (says) db.run(note, policyId, copies, bytes, lastAt - startedAt, lastAt);
}
