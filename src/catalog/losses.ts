/**
 * What would become of a policy's objects if places vanished now, answered from tallies: the cost does not grow with
 * the catalog.
 *
 * Only what is proven counts: a place has an object when its copy there is verified (not `unproven`, `pending`,
 * `damaged` or `failed`), or when it is the source and, as far as is known, has the very version. An object is at risk
 * when it has a place now and none after the loss:
 *
 * | the object | its content is | besides |
 * |---|---|---|
 * | present | at the source and at verified copies | |
 * | present, no verified copy (new, or just overwritten) | at the source only | |
 * | damaged at the source | at verified copies only | the damage is nothing to keep |
 * | overwritten, undecided | at verified copies only | the new version is at the source only, a content of its own |
 * | vanished, undecided; gone | at verified copies only | |
 * | rejected | at verified copies only | a person rejected what the source shows: nothing to keep |
 *
 * Versions kept by `history` do not count. What has no place even now is not at risk (`PolicyCounts.lost`).
 */
export interface LossLedger {
  /**
   * @param lost the names of the policy's targets, or of its source; others are ignored.
   * @throws UsageError for a policy that `syncPolicies` never saw.
   */
  lossOf(policy: string, lost: readonly string[]): Promise<Loss>;

  /**
   * How fast copies of the policy were made in its busiest stretch of the past 30 days: ten seconds to ten minutes without
   * a pause; null when there was none with 100 copies or 64 MiB.
   */
  copyPace(policy: string): Promise<CopyPace | null>;
}

export interface CopyPace {
  readonly copies: number;
  readonly bytes: number;
  readonly ms: number;
  /** When the stretch ended. */
  readonly at: number;
}

export interface Loss {
  /** Objects of which some content would be left nowhere. */
  readonly objects: number;
  readonly bytes: number;
  /** When the newest and the oldest of this content was last modified at the source (milliseconds since the epoch); null: there is none. */
  readonly newestAt: number | null;
  readonly oldestAt: number | null;
  /** The others that have a place: by the number of verified copies left, how many. With 0 they are at the source alone. */
  readonly left: Readonly<Record<number, number>>;
  /** Objects present at the source that would stay recoverable and have fewer than `minCopies` verified copies. */
  readonly belowMinCopies: number;
  /** What these lack: copies, and their bytes. */
  readonly lacking: { readonly copies: number; readonly bytes: number };
}
