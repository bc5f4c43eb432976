import type { Checksums } from '../objects/checksum.ts';
import type { Evidence } from '../objects/evidence.ts';
import type { Key } from '../objects/key.ts';
import type { Attributes } from '../objects/object.ts';
import type { CopyError, ObjectVersion } from './rows.ts';

/** Filling a catalog from what the copies say of themselves, where nobody else remembers. */
export interface ImportLedger {
  /**
   * Records objects as they were found at the targets, in one transaction. An object takes the place of what the catalog
   * had of the key: it is `present`, nothing about it is undecided, and a lease on it is lost. Targets of the policy of
   * which nothing is said get a `pending` copy, due now; so is every copy that is not verified. Copies at targets that
   * the policy does not have are dropped. The object's history says that it was `rebuilt`.
   * @throws Error for evidence that is only `claimed` or for other bytes than the object's: mistakes in the program.
   */
  importObjects(policy: string, objects: readonly ImportedObject[]): Promise<void>;
}

export interface ImportedObject extends ObjectVersion {
  readonly key: Key;
  /** Null where nothing but claims says what the bytes are: no copy can be verified then. */
  readonly sha256: string | null;
  readonly checksums: Checksums;
  readonly attributes: Attributes | null;
  readonly copies: readonly ImportedCopy[];
}

export type ImportedCopy =
  | {
      readonly target: string;
      readonly state: 'verified';
      readonly version: string;
      readonly evidence: Evidence;
      readonly recorded: boolean;
    }
  /** Something stands there that may be it. */
  | { readonly target: string; readonly state: 'unproven'; readonly version: string; readonly error?: CopyError }
  /** Proven wrong. */
  | { readonly target: string; readonly state: 'damaged'; readonly version: string; readonly error: CopyError }
  /** `version`: another version of the object that stands there and waits to be replaced; null where nothing is known to stand. */
  | {
      readonly target: string;
      readonly state: 'pending';
      readonly version: string | null;
      readonly error?: CopyError;
    };
