import type { ErrorCode } from '../objects/errors.ts';
import type { Hold } from './holds.ts';

export interface DecideOptions {
  readonly prefix?: string;
  /** How many changes were judged. Default: however many there are. */
  readonly atMost?: number;
}

export interface PolicyRow {
  readonly name: string;
  readonly source: string;
  readonly targets: readonly string[];
  readonly minCopies: number;
}

export interface PolicyState {
  readonly name: string;
  /** The source as it was when the policy was first seen (see `replication/guard.ts`); null before the first pass. */
  readonly sourceIdentity: string | null;
  readonly lastPass: PassSummary | null;
  readonly lastCompletePassAt: number | null;
  /** Present while the guard holds changes back. */
  readonly hold: Hold | null;
}

export interface PassSummary {
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly outcome: 'complete' | 'incomplete' | 'held';
  /** Why it is not complete, for people. */
  readonly reasons: readonly string[];
  /** The same for anybody, without keys; absent in what an older version of the program left. */
  readonly openReasons?: readonly string[];
  /** Present where copies of what went are deleted. */
  readonly deletes?: DeletionWindow;
  /** How long the newest look at the source and all targets together took, in milliseconds. */
  readonly fullTook?: number;
  /** Absent in what an older version of the program left. */
  readonly steady?: Steadiness;
}

/** Since when the passes' times fit together, in milliseconds since the epoch, and how long ago the one before was. */
export interface Steadiness {
  readonly since: number;
  readonly interval: number;
}

/** How far the passes of a policy have let the deletions of copies go. Milliseconds since the epoch. */
export interface DeletionWindow {
  /** Since when passes have followed each other that were told to delete: nothing waits from an earlier time. */
  readonly since: number;
  /** Between this look at the whole source and the one before, in milliseconds. */
  readonly interval: number;
  /** The copies of what was gone by then may be deleted; null: of nothing. */
  readonly until: number | null;
}

export interface ProviderState {
  readonly provider: string;
  readonly state: 'up' | 'down' | 'degraded';
  readonly lastError: { readonly code: ErrorCode; readonly message: string; readonly at: number } | null;
  readonly at: number;
}
