import type { Key } from '../objects/key.ts';
import type { ClaimToken } from './claims.ts';

/**
 * Uploads in parts that were begun at a target and have not become a copy yet, so that they are taken up after a crash,
 * and thrown away when nobody wants them any more. They outlive their object: forgetting it leaves them to `claimOrphans`.
 * A copy that is settled as verified takes the upload it was written by with it, and no other.
 */
export interface UploadLedger {
  /**
   * Says that an upload is about to be begun, before it is, so that whatever a crash leaves at the provider is known to
   * somebody. @returns its id; null, and nothing was noted, when the token is not the newest.
   */
  intendUpload(claim: ClaimToken, upload: IntendedUpload): Promise<number | null>;

  /**
   * Notes what came of uploads of the claim. @returns false when the token is not the newest (nothing was noted then), or
   * one of them is not known any more or was given up.
   */
  noteUploads(claim: ClaimToken, notes: readonly UploadNote[]): Promise<boolean>;

  /** What is known of the claimed object's uploads, the newest first; what was given up or is being thrown away is left out. */
  uploadsOf(claim: ClaimToken): Promise<readonly OpenUploadRow[]>;

  /**
   * Uploads that nobody works on or will go on with, to be thrown away within `leaseMs`; nobody else gets them meanwhile.
   * That is: given up; of an object version that is not wanted at the target any more; without any progress since
   * `idleSince`; or never known to have been begun. Never one of an object under a live lease, but for those given up.
   */
  claimOrphans(request: OrphanRequest): Promise<readonly OrphanClaim[]>;

  /** What was claimed and is thrown away now. */
  forgetUploads(claims: readonly Pick<OrphanClaim, 'id' | 'token'>[]): Promise<void>;

  /**
   * By what the uploads at a target are taken up, those of one key or all: what is not among them, nobody here owns.
   * With a key, null stands for each that was intended and may be beginning just now.
   */
  checkpointsAt(target: string, key: Key | null): Promise<readonly (string | null)[]>;
}

export interface IntendedUpload {
  readonly target: string;
  /** The key at the target. */
  readonly key: Key;
  /** The version of the object at the source. */
  readonly version: string;
  /** Bytes. */
  readonly size: number;
  readonly partSize: number;
  /** A digest of whatever else it is begun with; it is taken up only for the very same. */
  readonly terms: string;
}

/** What is left out stays as it is. */
export interface UploadNote {
  readonly id: number;
  /** It was begun. */
  readonly checkpoint?: string;
  readonly progress?: UploadProgress;
  /** `given-up`: it is to be thrown away; `over`: it is not there any more. */
  readonly end?: 'given-up' | 'over';
}

/** How far it got: the provider has taken the first `parts` parts, and so the bytes whose SHA-256 (hex) is `sha256`. */
export interface UploadProgress {
  readonly parts: number;
  readonly sha256: string;
}

export interface OpenUploadRow extends IntendedUpload {
  readonly id: number;
  /** Null until it is known to have been begun. */
  readonly checkpoint: string | null;
  readonly progress: UploadProgress | null;
}

export interface OrphanRequest {
  readonly targets: readonly string[];
  readonly limit: number;
  readonly leaseMs: number;
  readonly idleSince: number;
}

export interface OrphanClaim {
  readonly id: number;
  /** Grows with every claim. */
  readonly token: number;
  readonly target: string;
  readonly key: Key;
  readonly checkpoint: string | null;
  /** When it was intended. */
  readonly startedAt: number;
  /** How many of its key are noted at the target that were never known to have been begun, itself among them. */
  readonly unanswered: number;
}
