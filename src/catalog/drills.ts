import type { ErrorCode } from '../objects/errors.ts';
import type { Key } from '../objects/key.ts';
import type { ObjectRow } from './rows.ts';

/** What drills need of the catalog: objects drawn by chance, whose turn it is, and what came of the last one. */
export interface DrillLedger {
  /**
   * The objects that the draws fall on, in their order, as far as the copy at the target is verified. A draw, a number in
   * [0, 1), stands for a place in the order in which the policy's objects were made known; one that falls on a place
   * where no object is (any more) is void with `exact`, and else falls on the next object. Costs as much as there are
   * draws, however many objects there are.
   */
  draw(policy: string, request: DrawRequest): Promise<readonly ObjectRow[]>;

  /** Takes the turn of a drill. @returns false where one was begun less than `restMs` ago, by whomever, or the target left the policy. */
  begin(policy: string, target: string, restMs: number): Promise<boolean>;

  /** What came of it: a result, or why there is none; the latest result then stays as it was. Dropped for a target that left. */
  note(policy: string, target: string, news: DrillNews): Promise<void>;

  /** In the order of the targets' names. */
  read(policy: string): Promise<readonly DrillState[]>;
}

export type DrillNews = { readonly result: DrillResult } | { readonly obstacle: string };

export interface DrawRequest {
  readonly target: string;
  readonly draws: readonly number[];
  readonly exact: boolean;
}

export interface DrillResult {
  /** When it ended, in milliseconds since the epoch. */
  readonly at: number;
  /** Objects of which a restore was tried; with those that failed. */
  readonly objects: number;
  readonly failed: number;
  /** The first that failed; null when none did. */
  readonly failure: DrillFailure | null;
  /** Of what was restored. */
  readonly bytes: number;
  /** How long that took. */
  readonly seconds: number;
  /** Null where nothing was restored. */
  readonly bytesPerSecond: number | null;
  /** Seconds from looking for an object to its first bytes. */
  readonly firstByteSeconds: number | null;
  /** How long a restore of all objects from this target alone would take, at this speed. */
  readonly recoverySeconds: number | null;
  /** Objects that were drawn and are larger than all that a drill may read. */
  readonly tooLarge: number;
}

export interface DrillFailure {
  readonly key: Key;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface DrillState {
  readonly target: string;
  /** When the first one was begun, and the latest. */
  readonly firstAt: number;
  readonly begunAt: number;
  /** Why the latest had no result; null when it had one. */
  readonly obstacle: string | null;
  /** When the latest one ended in which nothing failed. */
  readonly succeededAt: number | null;
  readonly last: DrillResult | null;
}
