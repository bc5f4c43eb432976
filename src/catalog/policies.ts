import type { ErrorCode } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';

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
}

export interface Hold {
  readonly since: number;
  /** Sentences for people. */
  readonly reasons: readonly string[];
  readonly overwritten: number;
  readonly vanished: number;
  /** A few of the keys concerned. */
  readonly sample: readonly Key[];
  /** Set by `release`: the next decision lets these changes through. */
  readonly released?: boolean;
}

export interface ProviderState {
  readonly provider: string;
  readonly state: 'up' | 'down' | 'degraded';
  readonly lastError: { readonly code: ErrorCode; readonly message: string; readonly at: number } | null;
  readonly at: number;
}
