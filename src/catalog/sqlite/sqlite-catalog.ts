import type { Clock } from '../../objects/clock.ts';
import type { DecideHoldRequest, Decision, DecisionEntry, HoldVerdict } from '../holds.ts';
import type { Aged, OldestRequest, ScrubLoad } from '../scrub.ts';
import type { Key } from '../../objects/key.ts';
import type { Catalog, FurtherOnOptions } from '../catalog.ts';
import type { Claim, ClaimRequest, ClaimToken, Outstanding, OutstandingRequest, Settlement } from '../claims.ts';
import type { PolicyCounts, Problem, ProblemRange } from '../counts.ts';
import type * as deletions from '../deletions.ts';
import type { Finding, RecordResult } from '../findings.ts';
import type { ImportedObject } from '../import.ts';
import type { ExpiredClaim, ExpiredRequest, KeptVersion } from '../kept.ts';
import type { CopyPace, Loss } from '../losses.ts';
import type { Outlast } from '../outlast.ts';
import type { DecideOptions, PolicyRow, PolicyState, ProviderState } from '../policies.ts';
import type { HistoryEntry, ObjectOutline, ObjectRow } from '../rows.ts';
import type { SnapshotState, StoredSnapshot } from '../snapshots.ts';
import type { IntendedUpload, OpenUploadRow, OrphanClaim, OrphanRequest, UploadNote } from '../uploads.ts';
import { claim } from './claim.ts';
import { anyPresent, claimGone, countGone, countGoneCopies } from './claim-gone.ts';
import { copyPace } from './copy-pace.ts';
import { counts } from './counts.ts';
import type { Database } from './database.ts';
import { decideHold, decisions } from './decide-hold.ts';
import { decideObserved } from './decide-observed.ts';
import { SqliteDrills } from './drills.ts';
import { importObjects } from './import-objects.ts';
import { inspect } from './inspect.ts';
import * as kept from './kept.ts';
import type { Ledger } from './ledger.ts';
import { lossOf } from './loss.ts';
import { makeDue } from './make-due.ts';
import { Names } from './names.ts';
import { noteProviders, readProviders } from './note-providers.ts';
import { claimOrphans, forgetUploads } from './orphans.ts';
import { outstanding } from './outstanding.ts';
import { readPolicy, updatePolicy } from './policy-state.ts';
import { problems } from './problems.ts';
import { record } from './record.ts';
import { renew } from './renew.ts';
import { furtherOn, outline, scan, type Below } from './scan.ts';
import * as scrub from './scrub.ts';
import { settle } from './settle.ts';
import { settleDeletions } from './settle-deletion.ts';
import * as snapshots from './snapshots.ts';
import { syncPolicies } from './sync-policies.ts';
import { tally } from './tally.ts';
import * as uploads from './uploads.ts';
import { tell } from './view.ts';
import { WriteQueue } from './write-queue.ts';

/** The verbs on one connection: reads at once, writes through the queue. */
export class SqliteCatalog implements Catalog {
  readonly drills: SqliteDrills;
  readonly #ledger: Ledger;
  readonly #queue: WriteQueue;
  #recorded = 0;

  constructor(db: Database, clock: Clock, outlast?: Outlast) {
    const names = new Names(db);
    this.#ledger = {
      ...{ db, names, told: new Map(), cursors: new Map(), untallied: new Set(), stretches: new Map() },
      now: () => clock.now(),
    };
    this.#queue = new WriteQueue(
      db,
      () => names.forget(),
      () => tally(this.#ledger),
      outlast,
      clock.after,
    );
    this.drills = new SqliteDrills(this.#ledger, this.#queue);
  }

  async syncPolicies(policies: readonly PolicyRow[], { forget }: { readonly forget: boolean }): Promise<void> {
    await this.#queue.run(1, () => syncPolicies(this.#ledger, policies, forget));
    tell(this.#ledger, policies);
  }

  scan(policy: string, { prefix = '' }: Below): AsyncIterable<readonly ObjectRow[]> {
    return scan(this.#ledger, policy, prefix);
  }

  outline(policy: string, { prefix = '' }: Below): AsyncIterable<readonly ObjectOutline[]> {
    return outline(this.#ledger, policy, prefix);
  }

  async furtherOn(policy: string, options: FurtherOnOptions): Promise<Key | undefined> {
    return furtherOn(this.#ledger, policy, options);
  }

  record(policy: string, findings: readonly Finding[]): Promise<RecordResult> {
    this.#recorded += findings.length;
    return this.#queue.run(findings.length, () => record(this.#ledger, policy, findings));
  }

  claim(request: ClaimRequest): Promise<readonly Claim[]> {
    return this.#queue.run(request.limit, () => claim(this.#ledger, request));
  }

  renew(claims: readonly ClaimToken[], leaseMs: number): Promise<readonly number[]> {
    return this.#queue.run(claims.length, () => renew(this.#ledger, claims, leaseMs));
  }

  settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    this.#recorded += settlements.length;
    return this.#queue.run(settlements.length, () => settle(this.#ledger, settlements));
  }

  claimGone(request: deletions.GoneRequest): Promise<readonly deletions.GoneClaim[]> {
    return this.#queue.run(request.limit, () => claimGone(this.#ledger, request));
  }

  settleDeletions(settlements: readonly deletions.DeletionSettlement[]): Promise<readonly deletions.DeletionVerdict[]> {
    this.#recorded += settlements.length;
    return this.#queue.run(settlements.length, () => settleDeletions(this.#ledger, settlements));
  }

  async anyPresent(policy: string): Promise<ObjectRow | undefined> {
    return this.#ledger.db.snapshot(() => anyPresent(this.#ledger, policy));
  }

  async countGone(policy: string, range: deletions.GoneRange): Promise<deletions.GoneCounts> {
    return countGone(this.#ledger, policy, range);
  }

  async countGoneCopies(policy: string, range: deletions.GoneRange): Promise<number> {
    return countGoneCopies(this.#ledger, policy, range);
  }

  makeDue(policy: string, { prefix = '' }: Below): Promise<void> {
    return this.#queue.run(1, () => makeDue(this.#ledger, policy, prefix));
  }

  async outstanding(policy: string, request: OutstandingRequest): Promise<Outstanding> {
    return this.#ledger.db.snapshot(() => outstanding(this.#ledger, policy, request));
  }

  decideObserved(
    policy: string,
    decision: 'apply' | 'drop',
    { prefix = '', atMost = Infinity }: DecideOptions = {},
  ): Promise<number | null> {
    return this.#queue.run(1, () => decideObserved(this.#ledger, policy, decision, { prefix, atMost }));
  }

  async readPolicy(policy: string): Promise<PolicyState> {
    return readPolicy(this.#ledger, policy);
  }

  updatePolicy(
    policy: string,
    change: Partial<Omit<PolicyState, 'name'>>,
    { decidedUpTo }: { readonly decidedUpTo?: number } = {},
  ): Promise<void> {
    return this.#queue.run(1, () => updatePolicy(this.#ledger, policy, change, decidedUpTo));
  }

  decideHold(policy: string, decision: Decision, request: DecideHoldRequest): Promise<HoldVerdict> {
    return this.#queue.run(1, () => decideHold(this.#ledger, policy, decision, request));
  }

  async decisions(policy: string, { limit }: { readonly limit: number }): Promise<readonly DecisionEntry[]> {
    return decisions(this.#ledger, policy, limit);
  }

  async counts(policy: string, { prefix = '' }: Below = {}): Promise<PolicyCounts> {
    return this.#ledger.db.snapshot(() => counts(this.#ledger, policy, prefix));
  }

  async lossOf(policy: string, lost: readonly string[]): Promise<Loss> {
    return this.#ledger.db.snapshot(() => lossOf(this.#ledger, policy, lost));
  }

  async copyPace(policy: string): Promise<CopyPace | null> {
    return copyPace(this.#ledger, policy);
  }

  async problems(policy: string, range: ProblemRange): Promise<readonly Problem[]> {
    return problems(this.#ledger, policy, range);
  }

  noteProviders(states: readonly ProviderState[]): Promise<void> {
    return this.#queue.run(1, () => noteProviders(this.#ledger, states));
  }

  async readProviders(): Promise<readonly ProviderState[]> {
    return readProviders(this.#ledger);
  }

  takeScrubTurn(policy: string, owner: string, leaseMs: number): Promise<boolean> {
    return this.#queue.run(1, () => scrub.takeScrubTurn(this.#ledger, policy, owner, leaseMs));
  }

  async oldestEvidence(policy: string, request: OldestRequest): Promise<readonly Aged[]> {
    return this.#ledger.db.snapshot(() => scrub.oldestEvidence(this.#ledger, policy, request));
  }

  async scrubLoad(policy: string, targets: readonly string[]): Promise<ScrubLoad> {
    return this.#ledger.db.snapshot(() => scrub.scrubLoad(this.#ledger, policy, targets));
  }

  noteScrubbed(policy: string, bytes: number): Promise<void> {
    return this.#queue.run(1, () => scrub.noteScrubbed(this.#ledger, policy, bytes));
  }

  async scrubbedSince(policy: string, since: number): Promise<number> {
    return scrub.scrubbedSince(this.#ledger, policy, since);
  }

  noteKept(policy: string, version: KeptVersion): Promise<boolean> {
    return this.#queue.run(1, () => kept.noteKept(this.#ledger, policy, version));
  }

  noteNotKept(policy: string, key: Key, target: string, detail: string): Promise<void> {
    return this.#queue.run(1, () => kept.noteNotKept(this.#ledger, policy, key, target, detail));
  }

  async keptOf(policy: string, key: Key): Promise<readonly KeptVersion[]> {
    return kept.keptOf(this.#ledger, policy, key);
  }

  scanKept(policy: string, { prefix = '' }: Below): AsyncIterable<readonly KeptVersion[]> {
    return kept.scanKept(this.#ledger, policy, prefix);
  }

  claimExpired(request: ExpiredRequest): Promise<readonly ExpiredClaim[]> {
    return this.#queue.run(request.limit, () => kept.claimExpired(this.#ledger, request));
  }

  forgetKept(claims: readonly Pick<ExpiredClaim, 'id' | 'token'>[]): Promise<void> {
    return this.#queue.run(claims.length, () => kept.forgetKept(this.#ledger, claims));
  }

  importObjects(policy: string, objects: readonly ImportedObject[]): Promise<void> {
    return this.#queue.run(objects.length, () => importObjects(this.#ledger, policy, objects));
  }

  get recorded(): number {
    return this.#recorded;
  }

  async identity(): Promise<string> {
    return snapshots.identity(this.#ledger);
  }

  /** What was asked for before is committed first. */
  async copyTo(path: string): Promise<void> {
    this.#queue.drain();
    await snapshots.copyTo(this.#ledger, path);
  }

  noteSnapshot(target: string, news: { readonly stored: StoredSnapshot } | { readonly error: string }): Promise<void> {
    return this.#queue.run(1, () => snapshots.noteSnapshot(this.#ledger, target, news));
  }

  async readSnapshots(): Promise<readonly SnapshotState[]> {
    return snapshots.readSnapshots(this.#ledger);
  }

  intendUpload(claim: ClaimToken, upload: IntendedUpload): Promise<number | null> {
    return this.#queue.run(1, () => uploads.intendUpload(this.#ledger, claim, upload));
  }

  noteUploads(claim: ClaimToken, notes: readonly UploadNote[]): Promise<boolean> {
    return this.#queue.run(notes.length, () => uploads.noteUploads(this.#ledger, claim, notes));
  }

  async uploadsOf(claim: ClaimToken): Promise<readonly OpenUploadRow[]> {
    return uploads.uploadsOf(this.#ledger, claim);
  }

  async checkpointsAt(target: string, key: Key | null): Promise<readonly (string | null)[]> {
    return uploads.checkpointsAt(this.#ledger, target, key);
  }

  claimOrphans(request: OrphanRequest): Promise<readonly OrphanClaim[]> {
    return this.#queue.run(request.limit, () => claimOrphans(this.#ledger, request));
  }

  forgetUploads(claims: readonly Pick<OrphanClaim, 'id' | 'token'>[]): Promise<void> {
    return this.#queue.run(claims.length, () => forgetUploads(this.#ledger, claims));
  }

  async inspect(
    policy: string,
    key: Key,
  ): Promise<{ readonly object: ObjectRow; readonly history: readonly HistoryEntry[] } | undefined> {
    return this.#ledger.db.snapshot(() => inspect(this.#ledger, policy, key));
  }

  /** What was asked for before is committed first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#queue.drain();
    this.#ledger.db[Symbol.dispose]();
  }
}
