import type { Checksums } from '../objects/checksum.ts';
import type { Evidence } from '../objects/evidence.ts';
import type { Attributes } from '../objects/object.ts';
import type { CopyError, ObjectRow, ObjectVersion, Observed } from './rows.ts';

export interface ClaimRequest {
  /** Who claims: unique to the process. */
  readonly owner: string;
  readonly policies: readonly string[];
  readonly prefix?: string;
  /** Only copies at these targets; others stay due. */
  readonly targets: readonly string[];
  /** Only objects of which no copy at these targets is due: a target that catches up alone holds up no other. */
  readonly unless?: readonly string[];
  /** Copies at these targets are leased along with an object that is claimed for `targets`, where they are due as well. */
  readonly along?: readonly string[];
  readonly limit: number;
  readonly leaseMs: number;
  /** Copies that became due later than this are left alone (a pass tries each copy once). Default: now. */
  readonly dueBefore?: number;
}

export interface ClaimToken {
  readonly objectId: number;
  /** The fencing token: grows with every claim of the object. */
  readonly token: number;
}

export interface Claim extends ClaimToken {
  readonly policy: string;
  readonly source: string;
  readonly object: ObjectRow;
  /** The targets whose copies are leased with it. */
  readonly targets: readonly string[];
}

/** The outcome of one claim: what was learnt of the object, and what became of each leased copy. Ends the lease. */
export interface Settlement extends ClaimToken {
  /** The version the work was done for; a row that moved on takes no evidence from it. */
  readonly version: string;
  /**
   * The copies say that the object is another version of it than the row's, of which nothing was ever known (the catalog
   * was lost): the row becomes that version, and its own is `observed` as an overwrite, unless the object is gone. In a settlement of its own,
   * before the one with the outcomes, which names the former version.
   */
  readonly former?: ObjectVersion;
  /** What reading the source told; `provisional`: the copies, as the source does not have it any more. */
  readonly learnt?: {
    readonly sha256: string;
    readonly checksums: Checksums;
    readonly attributes: Attributes;
    readonly provisional?: boolean;
  };
  /** The source was seen to have another version: the object becomes `observed` as overwritten or vanished. */
  readonly observed?: Observed;
  readonly copies: readonly CopyOutcome[];
  /** False keeps the lease: more outcomes of the same claim follow. */
  readonly last: boolean;
}

export type CopyOutcome =
  | {
      readonly target: string;
      readonly state: 'verified';
      readonly version: string;
      readonly evidence: Evidence;
      readonly event?: 'copied' | 'repaired' | 'adopted' | 'rechecked';
      /** See `CopyRow`; left out: as it was. */
      readonly recorded?: boolean;
      /** The upload that it was written by, where that was noted (`UploadLedger`). */
      readonly upload?: number;
    }
  /** To be tried again at `dueAt` (from whatever state it is in). */
  | { readonly target: string; readonly state: 'retry'; readonly dueAt: number; readonly error: CopyError }
  /** Proven wrong, or gone: repair is due at `dueAt`. `version`: what stands there, null when nothing does. */
  | {
      readonly target: string;
      readonly state: 'damaged';
      readonly version: string | null;
      readonly dueAt: number;
      readonly error: CopyError;
    }
  /** Cannot be done as things are; tried again on a slow schedule. */
  | { readonly target: string; readonly state: 'failed'; readonly dueAt: number; readonly error: CopyError }
  /** Nothing was done; due as before. */
  | { readonly target: string; readonly state: 'released' };

export interface OutstandingRequest {
  readonly prefix?: string;
  /** Only copies at these targets count. */
  readonly targets: readonly string[];
  /** Copies that become due later than this do not count (default: now). */
  readonly dueBefore?: number;
}

export interface Outstanding {
  /** Copies that are due and under no live lease. */
  readonly due: number;
  /** Objects under a live lease that have due copies at the targets. */
  readonly leased: number;
  /** When the next waiting copy will be due or a live lease runs out, for sleeping; null when nothing waits. */
  readonly nextDueAt: number | null;
}
