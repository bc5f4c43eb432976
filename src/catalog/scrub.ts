import type { ObjectRow } from './rows.ts';

/**
 * What the scrub finds and keeps in the catalog: which copies are to be read next, whose turn it is, and what was
 * read lately. What it learns of copies goes through `record` (`audited`, `wrong`).
 */
export interface ScrubLedger {
  /** Takes the turn of scrubbing a policy, or keeps it, for `leaseMs` (a day at most, see `claim`). @returns false while another owner has it. */
  takeScrubTurn(policy: string, owner: string, leaseMs: number): Promise<boolean>;

  /**
   * Verified copies at the targets, the one with the oldest evidence first, at most `limit` per target: without
   * those of objects that somebody works on. Evidence from the future (a clock was ahead) counts as the oldest.
   */
  oldestEvidence(policy: string, request: OldestRequest): Promise<readonly Aged[]>;

  /** All verified copies at the targets: how many, and their bytes. */
  scrubLoad(policy: string, targets: readonly string[]): Promise<ScrubLoad>;

  /** Adds to what was read for the policy in this hour (UTC). Hours more than two days away are forgotten. */
  noteScrubbed(policy: string, bytes: number): Promise<void>;

  /** Bytes read in the hour in which `since` lies and in all later ones up to now. */
  scrubbedSince(policy: string, since: number): Promise<number>;
}

export interface OldestRequest {
  readonly targets: readonly string[];
  readonly limit: number;
  /** By target: only copies behind this place. None of those from the future are. */
  readonly after?: ReadonlyMap<string, AgePlace>;
  /** Copies that are left out, so that what is known of their objects need not be read: thousands may be. */
  passesOver?(objectId: number, target: string): boolean;
  /** So many of what is left; default: all. */
  readonly most?: number;
}

/** A place in the order of the copies of one target: by the time of their evidence, then by object. */
export interface AgePlace {
  readonly at: number;
  readonly objectId: number;
}

export interface Aged {
  readonly object: ObjectRow;
  readonly target: string;
  /** When its evidence was taken. */
  readonly at: number;
}

export interface ScrubLoad {
  readonly copies: number;
  readonly bytes: number;
}
