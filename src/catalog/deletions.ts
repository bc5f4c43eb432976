import type { ClaimToken } from './claims.ts';
import type { ObjectRow, Observed } from './rows.ts';

/**
 * Taking away the copies of objects that are gone. A copy that was deleted is no copy of its object any more: no verb
 * gives or counts it, until the object is present again; then it is pending.
 */
export interface DeletionLedger {
  /**
   * Leases gone objects, the one that went first first: those about whose source nothing is undecided or rejected, that
   * nobody works on, and that have a copy at one of the targets, a copy of which nothing is known to stand anywhere, or
   * no copy at all any more.
   */
  claimGone(request: GoneRequest): Promise<readonly GoneClaim[]>;

  /**
   * Records what was done at the targets, in one transaction, and ends the leases. What was deleted is deleted, also
   * where the token is not the newest any more: of a gone object the copy leaves; of one that came back meanwhile it is
   * missing, due now. An outcome that names another version than the row's changes nothing.
   * @returns for each `forgotten` when the object has no copies left (it is forgotten with its history), `stale` when
   * the token is not the newest or the object was forgotten, else `applied`.
   */
  settleDeletions(settlements: readonly DeletionSettlement[]): Promise<readonly DeletionVerdict[]>;

  /** Any object that the source has, as far as is known; by it is seen whether the source can be believed. */
  anyPresent(policy: string): Promise<ObjectRow | undefined>;

  /** Gone objects about whose source nothing is undecided or rejected, by when it was decided that they are gone. */
  countGone(policy: string, range: GoneRange): Promise<GoneCounts>;
  /** Their copies that are known to stand somewhere. */
  countGoneCopies(policy: string, range: GoneRange): Promise<number>;
}

export interface GoneRange {
  /** Later than this; default: from the first. Milliseconds since the epoch. */
  readonly after?: number | undefined;
  /** Not later than this; default: to the last. */
  readonly until?: number | undefined;
}

export interface GoneCounts {
  readonly objects: number;
  /** How many decisions made them gone: what was decided at once has one time. */
  readonly decisions: number;
  /** When the first of them was decided to be gone; null when there is none. */
  readonly oldestAt: number | null;
}

export interface GoneRequest {
  readonly owner: string;
  readonly policy: string;
  readonly targets: readonly string[];
  /** Gone at this time or earlier. */
  readonly until: number;
  /** Only what comes after this claim, so that a round takes each object once. */
  readonly after?: GoneClaim | undefined;
  readonly limit: number;
  readonly leaseMs: number;
}

export interface GoneClaim extends ClaimToken {
  readonly object: ObjectRow;
  /** When it was decided that it is gone. */
  readonly goneAt: number;
}

export interface DeletionSettlement extends ClaimToken {
  /** The source has it after all. */
  readonly observed?: Observed | undefined;
  /** Copies not named are as they were. */
  readonly copies: readonly DeletionOutcome[];
}

export interface DeletionOutcome {
  readonly target: string;
  /** `left`: what stands at the key is not known to be ours and stays, and is nobody's copy from now on. */
  readonly outcome: 'deleted' | 'left';
  /** The copy's version as it was claimed; null when nothing was known to stand there. */
  readonly version: string | null;
  /** For people. */
  readonly detail: string;
}

export type DeletionVerdict = 'applied' | 'forgotten' | 'stale';
