import type { Key } from '../objects/key.ts';

/**
 * What a person decides about changes at the source that the guard holds back, in the catalog alone: no pass need be
 * running, and one that is under way cannot undo it (see `updatePolicy`).
 */
export interface HoldLedger {
  /**
   * Decides the hold, in one transaction, and notes who did.
   *
   * `released`: the source is right. What is held is applied at once (as `decideObserved` does) and nothing else: what
   * the source changes from now on is judged afresh. A source that was not the one it was is taken for the policy's
   * from now on. Without a hold it takes back earlier rejections, but of objects that changed once more since: the next pass finds those
   * changes anew.
   *
   * `rejected`: the source is not to be believed. Every object that is held and of which a target ever held something
   * keeps its row and its copies, and remembers the change as `rejected`: the very same one is no finding any more, and any
   * other of that object waits for a person.
   *
   * The hold ends. What is still true of the source as a whole (not listed to its end, not the one it was) is held
   * again by the next pass.
   */
  decideHold(policy: string, decision: Decision, request: DecideHoldRequest): Promise<HoldVerdict>;

  /** What was decided about a policy's holds, newest first. */
  decisions(policy: string, options: { readonly limit: number }): Promise<readonly DecisionEntry[]>;
}

export type Decision = 'released' | 'rejected';

export interface DecideHoldRequest {
  /** Who decides, for people: user@host. */
  readonly by: string;
  /** Refuses when more changes than this are held by now: others noted more than the person could see. Default: none is too many. */
  readonly atMost?: number;
}

export type HoldVerdict =
  /** `overwritten`, `vanished`: objects that the decision changed. `hold`: what was decided, as it is recorded. */
  | { readonly outcome: Decision; readonly overwritten: number; readonly vanished: number; readonly hold: Hold }
  /** Rejections were taken back. */
  | { readonly outcome: 'taken-back'; readonly overwritten: number; readonly vanished: number }
  /** There is nothing to decide. */
  | { readonly outcome: 'nothing-held' }
  /** Nobody knows what would be let through: the source was not listed to its end. Nothing was changed. */
  | { readonly outcome: 'not-listed'; readonly hold: Hold }
  /** More than `atMost` are held by now. Nothing was changed. */
  | { readonly outcome: 'too-many'; readonly held: number; readonly hold: Hold };

export interface DecisionEntry {
  /** Grows with every decision. */
  readonly id: number;
  readonly at: number;
  readonly decision: Decision;
  readonly by: string;
  /** What was decided. */
  readonly hold: Hold;
}

/** Why the guard holds a policy's changes back, as the latest pass judged it. */
export interface Hold {
  readonly since: number;
  /** Sentences for people. */
  readonly reasons: readonly string[];
  /** The same for anybody, without keys; absent in what an older version of the program left. */
  readonly openReasons?: readonly string[];
  /** Changes that the pass saw. */
  readonly overwritten: number;
  readonly vanished: number;
  /** Objects that were known when it began: what is new since must not make the changes look few. */
  readonly known: number;
  /** A few of the keys concerned. */
  readonly sample: readonly Key[];
  /** Present when the source is not the one it was: which one it is now. */
  readonly sourceIdentity?: string;
  /** Present when very many copies are due to be deleted: those of so many objects, gone `until` then. */
  readonly deletions?: { readonly objects: number; readonly until: number };
  /** True when the source could not be listed to its end: there may be more. */
  readonly listingFailed?: boolean;
}
