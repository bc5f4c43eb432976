import type { Attributes } from '../objects/object.ts';
import type { Checksums } from '../objects/checksum.ts';
import type { ErrorCode } from '../objects/errors.ts';
import type { Evidence } from '../objects/evidence.ts';
import type { Key } from '../objects/key.ts';
import type { CopyState } from './states.ts';

/**
 * The ledger: what the source had, what every target holds, the evidence for it, and the work that is due.
 * The only state that outlives the process. Guarantees (cases of `test/contract/catalog.ts`):
 *
 * - A call that returned is durable; a call that threw changed nothing. Failures of the store are `CatalogError`s; a
 *   policy that `syncPolicies` never saw is a `UsageError`; a move or evidence that must not be is a plain `Error`.
 * - Copies move only along `states.ts`.
 * - A verified copy has evidence (`attested` or `read`) for the digest of its object's present version. A copy has a
 *   `dueAt` exactly when it is not verified.
 * - Work is claimed with a lease and a fencing token. Settling with a token that is not the newest changes nothing
 *   and says so. A lease that ran out may be claimed again; until somebody does, its token still settles.
 * - Times are milliseconds since the epoch by the catalog's own clock, so that several processes agree.
 * - `scan` yields objects in the byte order of their keys.
 * - Memory does not grow with the number of objects.
 */
export interface Catalog extends AsyncDisposable {
  /**
   * Makes the policies known and gives every object a copy row for every target of its policy: a target that was
   * added gets `pending` copies. `counts` and `problems` answer from now on for the policies as they were given here,
   * whatever another process gave; copies at other targets are left out.
   *
   * With `forget`, what is not named any more is given up: the copies of a target that was removed, with their
   * evidence; of a policy the rows stay, and nothing of it is claimed until it is named again. Without, nothing that
   * is known changes: a command that only asks, perhaps with another configuration, must not unlearn what a daemon
   * beside it works with.
   */
  syncPolicies(policies: readonly PolicyRow[], options: { readonly forget: boolean }): Promise<void>;

  /** Objects of a policy in key order, with all their copies, in pages. */
  scan(policy: string, options: { readonly prefix?: string }): AsyncIterable<readonly ObjectRow[]>;

  /**
   * Applies what a pass found, in one transaction. Each finding is compare-and-set: one whose `asOf` is not later
   * than the last change of the row (of the copy, where it is about one) is out of date and dropped.
   */
  record(policy: string, findings: readonly Finding[]): Promise<RecordResult>;

  /**
   * Leases due work: whole objects, each with every copy of the given targets that is due. Oldest due first; below a
   * prefix, where very much is due, in an order that leaves nothing out for ever. Objects that are gone or whose
   * change is undecided are claimed too.
   */
  claim(request: ClaimRequest): Promise<readonly Claim[]>;

  /** Extends leases. @returns the object ids whose lease was already lost. */
  renew(claims: readonly ClaimToken[], leaseMs: number): Promise<readonly number[]>;

  /**
   * Records outcomes, in one transaction. @returns for each settlement whether it was applied; false when
   * - the token is not the newest, or the object was forgotten: nothing was changed;
   * - the object became another version: nothing was taken over but what now stands at the targets (a copy that was
   *   written keeps its `version`, so that the next write can replace it), and the lease ended;
   * - `learnt` differs from the digest known for this version: the source is damaged, and the digest stays;
   * - evidence proves other bytes than the object's: that copy is `damaged`, due now.
   * In the last two cases the other outcomes were applied. An outcome for a target that left the policy is dropped.
   * @throws Error for a move that `states.ts` does not have, for a `retry` of a verified copy, for evidence that is
   * only `claimed`, and for evidence for an object whose digest is not known: mistakes in the program.
   */
  settle(settlements: readonly Settlement[]): Promise<readonly boolean[]>;

  /** Makes copies that wait for a retry due now (a person asked for a pass), failed ones too. Leaves `updatedAt`. */
  makeDue(policy: string, options: { readonly prefix?: string }): Promise<void>;

  /** Copies that are due and free, and objects leased to somebody: what a pass still has to wait for. */
  outstanding(policy: string, options: OutstandingRequest): Promise<Outstanding>;

  /**
   * Applies or drops the changes that a pass observed and left undecided (`observed` findings). Applied, an overwritten
   * object takes its new version and its copies are `pending`, still naming what stands there; a vanished one is
   * `gone` and its copies stay as they are (one that no target ever held is forgotten, see `vanished`). Dropped, they
   * are forgotten until the next pass sees them.
   * @returns how many objects; null when more than `atMost` wait below the prefix, and nothing was done: others
   * noted more than the caller judged.
   */
  decideObserved(policy: string, decision: 'apply' | 'drop', options?: DecideOptions): Promise<number | null>;

  readPolicy(policy: string): Promise<PolicyState>;
  updatePolicy(policy: string, change: Partial<Omit<PolicyState, 'name'>>): Promise<void>;

  counts(policy: string, options?: { readonly prefix?: string }): Promise<PolicyCounts>;
  /** Copies that are not verified, for people: in key order, at most `limit`. */
  problems(policy: string, options: { readonly prefix?: string; readonly limit: number }): Promise<readonly Problem[]>;
  /** Leaves word of the providers' state, for processes that only ask. */
  noteProviders(states: readonly ProviderState[]): Promise<void>;
  readProviders(): Promise<readonly ProviderState[]>;

  inspect(
    policy: string,
    key: Key,
  ): Promise<{ readonly object: ObjectRow; readonly history: readonly HistoryEntry[] } | undefined>;
}

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

export interface ObjectVersion {
  readonly version: string;
  readonly size: number;
  readonly modifiedAt: number;
}

export interface ObjectRow extends ObjectVersion {
  readonly id: number;
  readonly key: Key;
  /** `gone`: a complete listing of the source did not have it any more; copies are kept. */
  readonly state: 'present' | 'gone';
  /** Known once the object was read. */
  readonly sha256: string | null;
  readonly checksums: Checksums;
  readonly attributes: Attributes | null;
  /** A change at the source that a pass saw and the guard has not decided yet. */
  readonly observed: Observed | null;
  /** When this row last changed: a listing fetched before it says nothing about it. */
  readonly updatedAt: number;
  readonly copies: readonly CopyRow[];
}

export type Observed = ({ readonly kind: 'overwritten' } & ObjectVersion) | { readonly kind: 'vanished' };

export interface CopyRow {
  readonly target: string;
  readonly state: CopyState;
  /** What the provider calls the copy; null when nothing of ours is known to be there. */
  readonly version: string | null;
  /** What was last proven of it. Vouches for the copy only while that is `verified`. */
  readonly evidence: Evidence | null;
  /** When work on it is due; null when none is. */
  readonly dueAt: number | null;
  /** Failed attempts since it was last verified. */
  readonly attempts: number;
  readonly error: CopyError | null;
  readonly updatedAt: number;
}

export interface CopyError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What a pass found out about one key. In one call, findings about copies count before those about the source. Conditions name the row as the pass saw it (`asOf`: when its listing page was asked for). */
export type Finding =
  /** The source has an object that the catalog does not. `found` names targets where something already stands at the key. */
  | {
      readonly kind: 'new';
      readonly key: Key;
      readonly object: ObjectVersion;
      readonly found: Readonly<Record<string, string>>;
    }
  /**
   * The source has another version than the row: left undecided as `observed`. Where no target holds or ever held
   * anything of the object, nothing can be lost: the new version becomes the row's at once.
   */
  | { readonly kind: 'overwritten'; readonly id: number; readonly object: ObjectVersion; readonly asOf: number }
  /**
   * The source does not list it any more: left undecided as `observed`. Where no target holds or ever held anything
   * of the object, nothing can be lost: it is forgotten with all its rows, at once or when the lease on it ends.
   */
  | { readonly kind: 'vanished'; readonly id: number; readonly asOf: number }
  /** The source has the row's version (again): forgets `observed`, and a `gone` object is present again. */
  | { readonly kind: 'present'; readonly id: number; readonly asOf: number }
  /** A target does not have the copy that the row says it has: verified becomes damaged, unproven pending. */
  | { readonly kind: 'missing'; readonly id: number; readonly target: string; readonly asOf: number }
  /** A target has something else at the key than the row says: unproven, due now. The version that the row names is no news. */
  | {
      readonly kind: 'foreign';
      readonly id: number;
      readonly target: string;
      readonly version: string;
      readonly asOf: number;
    }
  /** A pending copy's key is already occupied at the target: it may be the very copy (to be proven), else it is replaced. */
  | {
      readonly kind: 'found';
      readonly id: number;
      readonly target: string;
      readonly version: string;
      readonly asOf: number;
    }
  /** A verified copy shall be read back (a deep pass). */
  | { readonly kind: 'recheck'; readonly id: number; readonly target: string };

export interface RecordResult {
  /** Findings that changed something. */
  readonly applied: number;
}

export interface ClaimRequest {
  /** Who claims: unique to the process. */
  readonly owner: string;
  readonly policies: readonly string[];
  readonly prefix?: string;
  /** Only copies at these targets; others stay due. */
  readonly targets: readonly string[];
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
  /** What reading the source told. */
  readonly learnt?: { readonly sha256: string; readonly checksums: Checksums; readonly attributes: Attributes };
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
  /** Copies by state, over all objects. */
  readonly copies: Readonly<Record<CopyState, number>>;
  /** The same by target. */
  readonly byTarget: Readonly<
    Record<string, Readonly<Record<CopyState, number>> & { readonly oldestEvidenceAt: number | null }>
  >;
  /** By target: present objects that have `minCopies` verified copies now and would not without this target. */
  readonly atRisk: Readonly<Record<string, number>>;
  /** Since when the oldest copy that is not verified has been waiting; null when none waits. */
  readonly oldestPendingSince: number | null;
  /**
   * Objects whose version the source does not have (gone, vanished and undecided, or read as other bytes than known)
   * and of which no copy is verified nor may still prove good (unproven).
   */
  readonly lost: number;
}

export interface Problem {
  readonly key: Key;
  readonly target: string;
  readonly state: CopyState;
  readonly error: CopyError | null;
  readonly dueAt: number | null;
}

export interface ProviderState {
  readonly provider: string;
  readonly state: 'up' | 'down' | 'degraded';
  readonly lastError: { readonly code: ErrorCode; readonly message: string; readonly at: number } | null;
  readonly at: number;
}

/** An object keeps its newest hundred entries and perhaps a few more. `inspect` gives them oldest first. */
export interface HistoryEntry {
  readonly at: number;
  /** Null when it concerns the object itself. */
  readonly target: string | null;
  readonly event: string;
  readonly detail: string;
}
