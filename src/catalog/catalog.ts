import type { Key } from '../objects/key.ts';
import type { Claim, ClaimRequest, ClaimToken, Outstanding, OutstandingRequest, Settlement } from './claims.ts';
import type { PolicyCounts, Problem, ProblemRange } from './counts.ts';
import type { DeletionLedger } from './deletions.ts';
import type { DrillLedger } from './drills.ts';
import type { Finding, RecordResult } from './findings.ts';
import type { HoldLedger } from './holds.ts';
import type { ImportLedger } from './import.ts';
import type { KeptLedger } from './kept.ts';
import type { LossLedger } from './losses.ts';
import type { DecideOptions, PolicyRow, PolicyState, ProviderState } from './policies.ts';
import type { HistoryEntry, ObjectOutline, ObjectRow } from './rows.ts';
import type { ScrubLedger } from './scrub.ts';
import type { SnapshotLedger } from './snapshots.ts';
import type { UploadLedger } from './uploads.ts';

export interface FurtherOnOptions {
  readonly prefix?: string;
  readonly after: Key;
  readonly count: number;
}

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
 * - `scan` and `outline` yield objects in the byte order of their keys.
 * - Memory does not grow with the number of objects.
 */
export interface Catalog
  extends
    DeletionLedger,
    HoldLedger,
    ImportLedger,
    KeptLedger,
    LossLedger,
    ScrubLedger,
    SnapshotLedger,
    UploadLedger,
    AsyncDisposable {
  readonly drills: DrillLedger;

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

  /** The same objects, in half the time. */
  outline(policy: string, options: { readonly prefix?: string }): AsyncIterable<readonly ObjectOutline[]>;

  /** The key of a policy's that is `count` (from 1) further on than `after`, in byte order; undefined where there is none. */
  furtherOn(policy: string, options: FurtherOnOptions): Promise<Key | undefined>;

  /**
   * Applies what a pass found, in one transaction. Each finding is compare-and-set: one whose `asOf` is not later
   * than the last change of the row (of the copy, where it is about one) is out of date and dropped; a change in the
   * future, made under a clock that was ahead, counts as past.
   */
  record(policy: string, findings: readonly Finding[]): Promise<RecordResult>;

  /**
   * Leases due work: whole objects, each with every copy of the given targets that is due. Oldest due first; below a
   * prefix, where very much is due, in an order that leaves nothing out for ever. Objects that are gone or whose
   * change is undecided are claimed too. A lease lasts a day at most, and no work waits for more than two: what seems to
   * was noted under a clock that was ahead, and counts as past.
   */
  claim(request: ClaimRequest): Promise<readonly Claim[]>;

  /** Extends leases. @returns the object ids whose lease was already lost. */
  renew(claims: readonly ClaimToken[], leaseMs: number): Promise<readonly number[]>;

  /**
   * Records outcomes, in one transaction. @returns for each settlement whether it was applied; false when
   * - the token is not the newest, or the object was forgotten: nothing was changed;
   * - the object became another version: nothing was taken over but what now stands at the targets (a copy that was
   *   written keeps its `version` and evidence, so that the next write can replace and keep it), and the lease ended;
   * - `learnt` differs from the digest known for this version: the source is damaged, and the digest stays;
   * - evidence proves other bytes than the object's: that copy is `damaged`, due now;
   * - the object's digest is not known any more (it became another version and back) and nothing was learnt: of what was
   *   verified, only what now stands at the targets was taken over.
   * In the last three cases the other outcomes were applied. An outcome for a target that left the policy is dropped.
   * @throws Error for a move that `states.ts` does not have, for a `retry` of a verified copy, and for evidence that is
   * only `claimed`: mistakes in the program.
   */
  settle(settlements: readonly Settlement[]): Promise<readonly boolean[]>;

  /** Makes copies that wait for a retry due now (a person asked for a pass), failed ones too. Leaves `updatedAt`. */
  makeDue(policy: string, options: { readonly prefix?: string }): Promise<void>;

  /** Copies that are due and free, and objects leased to somebody: what a pass still has to wait for. */
  outstanding(policy: string, options: OutstandingRequest): Promise<Outstanding>;

  /**
   * Applies or drops the changes that a pass observed and left undecided (`observed` findings). Applied, an overwritten
   * object takes its new version and its copies are `pending`, still naming what stands there; a vanished one is
   * `gone` and its copies stay as they are (one that no target ever held is forgotten, see `vanished`). Never applied are
   * changes of what was rejected before: only a person decides about them (`decideHold`). Dropped, changes are forgotten
   * until the next pass sees them.
   * @returns how many objects; null when more than `atMost` wait below the prefix, and nothing was done: others
   * noted more than the caller judged.
   */
  decideObserved(policy: string, decision: 'apply' | 'drop', options?: DecideOptions): Promise<number | null>;

  readPolicy(policy: string): Promise<PolicyState>;
  /**
   * `decidedUpTo`: the newest decision that is taken into account (0: none). When a person decided since, the hold is
   * left as it is: it was judged from what is past.
   */
  updatePolicy(
    policy: string,
    change: Partial<Omit<PolicyState, 'name'>>,
    options?: { readonly decidedUpTo?: number },
  ): Promise<void>;

  counts(policy: string, options?: { readonly prefix?: string }): Promise<PolicyCounts>;
  /** Copies that are not verified, for people: in key order, at most `limit`, of keys after `after` only. */
  problems(policy: string, options: ProblemRange): Promise<readonly Problem[]>;
  /** Leaves word of the providers' state, for processes that only ask. */
  noteProviders(states: readonly ProviderState[]): Promise<void>;
  readProviders(): Promise<readonly ProviderState[]>;

  inspect(
    policy: string,
    key: Key,
  ): Promise<{ readonly object: ObjectRow; readonly history: readonly HistoryEntry[] } | undefined>;
}
