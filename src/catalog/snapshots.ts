/** Keeping the catalog itself at the targets, see `replication/snapshots.ts`. */
export interface SnapshotLedger {
  /** Tells this catalog from any other; made with it, and the same in every snapshot of it. */
  identity(): Promise<string>;

  /** How much this process has recorded so far: findings and outcomes. Grows. */
  readonly recorded: number;

  /**
   * Writes all that is known at one moment to a new file that `openSqliteCatalog` opens, but for the uploads under way: what
   * goes on with one may be a credential, and the file is for every target. Nobody waits for it, neither readers nor writers.
   */
  copyTo(path: string): Promise<void>;

  /** Leaves word of what became of the latest snapshot at a target. What is not given stays as it was. */
  noteSnapshot(target: string, news: { readonly stored: StoredSnapshot } | { readonly error: string }): Promise<void>;

  /** In the order of the targets' names. */
  readSnapshots(): Promise<readonly SnapshotState[]>;
}

export interface StoredSnapshot {
  /** When it was taken, in milliseconds since the epoch. */
  readonly takenAt: number;
  /** Where it stands at the target. */
  readonly key: string;
  /** Bytes, compressed. */
  readonly size: number;
}

export interface SnapshotState {
  readonly target: string;
  /** The newest one that was verified there; null before the first. */
  readonly stored: StoredSnapshot | null;
  /** Why a later one could not be stored, or older ones not be deleted; null when all is well. */
  readonly error: { readonly message: string; readonly at: number } | null;
}
