import type { EvidenceMethod } from '../objects/evidence.ts';
import type { Key } from '../objects/key.ts';
import type { CopyError } from './rows.ts';
import type { CopyState } from './states.ts';

export interface PolicyCounts {
  /** Objects present at the source. */
  readonly objects: number;
  readonly bytes: number;
  /** Objects present at the source with at least `minCopies` verified copies. */
  readonly safe: number;
  /** Objects no longer at the source whose copies are kept. */
  readonly gone: number;
  /** Objects with an undecided change. */
  readonly observed: number;
  /** Objects whose copies are kept against what the source shows. */
  readonly rejected: number;
  /** Those of them that changed once more: they are `observed` too, and wait for a person. */
  readonly contested: number;
  /** Copies by state, over all objects. */
  readonly copies: Readonly<Record<CopyState, number>>;
  /** Bytes of those copies that are not verified; of objects whose change is undecided, as the row has them. */
  readonly backlogBytes: number;
  /** The same by target. */
  readonly byTarget: Readonly<
    Record<string, Readonly<Record<CopyState, number>> & { readonly oldestEvidenceAt: OldestEvidence }>
  >;
  /** By target, and for the source: objects that would be unrecoverable if it vanished now (see `losses.ts`). */
  readonly atRisk: Readonly<Record<string, number>>;
  /** Since when the oldest copy that is not verified has been waiting; null when none waits. */
  readonly oldestPendingSince: number | null;
  /**
   * Objects whose version the source does not have (gone, vanished and undecided, rejected, or read as other bytes than known)
   * and of which no copy is verified nor may still prove good (unproven).
   */
  readonly lost: number;
  /** Objects whose bytes at the source were read as others than are known for that version. */
  readonly sourceDamaged: number;
  /**
   * Objects present at the source, and as the row has them, of which nothing is known, while something stands at a target
   * that may tell what they were: many after the catalog was lost.
   */
  readonly unidentified: number;
}

export interface ProblemRange {
  readonly prefix?: string;
  readonly after?: Key;
  readonly limit: number;
}

export interface Problem {
  readonly key: Key;
  readonly target: string;
  readonly state: CopyState;
  readonly error: CopyError | null;
  readonly dueAt: number | null;
}

/** When the verified copy that was proven longest ago was, by the method that proved it; null where there is none. */
export type OldestEvidence = Readonly<Record<Exclude<EvidenceMethod, 'claimed'>, number | null>>;
