import type { Evidence } from '../objects/evidence.ts';
import type { Key } from '../objects/key.ts';
import type { Attributes } from '../objects/object.ts';

/**
 * Versions of objects that were replaced at a target and are kept there for a while (`history` of a policy). They
 * outlive their object: forgetting it leaves them until their time is over.
 */
export interface KeptLedger {
  /**
   * Says that a version will be kept (`version` of the place null, so that whatever is written there is known to
   * somebody), then that it is. The same version at the same place again: the later call counts, expiry included;
   * but where it was known as kept, it stays so. Once the copy is settled as verified, its time begins anew: the write that
   * replaced it may have taken long.
   * @returns false, and nothing was noted, when it is being deleted at this moment because its time was over.
   */
  noteKept(policy: string, kept: KeptVersion): Promise<boolean>;

  /**
   * What stands at the target is no version of the object: nothing is kept of it. Noted in the object's history; what was
   * said to be kept there stays said until its time is over, for an attempt that was cut short may have written it.
   */
  noteNotKept(policy: string, key: Key, target: string, detail: string): Promise<void>;

  /** Kept versions of one object, newest first. */
  keptOf(policy: string, key: Key): Promise<readonly KeptVersion[]>;

  /** All kept versions in the byte order of their keys, in pages; of one key, newest first. */
  scanKept(policy: string, options: { readonly prefix?: string }): AsyncIterable<readonly KeptVersion[]>;

  /** Those whose time is over and of whose object nobody holds a lease, the oldest first, to be deleted within `leaseMs`; nobody else gets them meanwhile. */
  claimExpired(request: ExpiredRequest): Promise<readonly ExpiredClaim[]>;

  /** What was claimed and is deleted now; what was not kept by a copy of ours is only forgotten. */
  forgetKept(claims: readonly Pick<ExpiredClaim, 'id' | 'token'>[]): Promise<void>;
}

export interface KeptVersion {
  readonly key: Key;
  readonly target: string;
  readonly place: KeptPlace;
  readonly size: number;
  readonly sha256: string;
  /** As the replaced copy had them. */
  readonly attributes: Attributes;
  /** The source's version that it was, and when that was made there, in milliseconds; null where nothing tells. */
  readonly sourceVersion: string | null;
  readonly modifiedAt: number | null;
  /** When it was about to be replaced. */
  readonly replacedAt: number;
  readonly expiresAt: number;
  /** What was last proven of it; null while it is not kept yet. */
  readonly evidence: Evidence | null;
}

/** How to read it. `version` is null until it is there. */
export type KeptPlace =
  /** A copy that Holdfast made, under this key below `.holdfast/history/`. */
  | { readonly by: 'holdfast'; readonly key: Key; readonly version: string | null }
  /** The provider keeps what is replaced; `id` is its own name for it (`ReadOptions.versionId`). */
  | { readonly by: 'provider'; readonly id: string; readonly version: string };

export interface ExpiredRequest {
  readonly policy: string;
  readonly targets: readonly string[];
  readonly limit: number;
  readonly leaseMs: number;
}

export interface ExpiredClaim {
  readonly id: number;
  /** Grows with every claim and note, so that a late answer does not forget what was kept anew. */
  readonly token: number;
  readonly kept: KeptVersion;
}
