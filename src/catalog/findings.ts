import type { Evidence } from '../objects/evidence.ts';
import type { Key } from '../objects/key.ts';
import type { CopyError, ObjectVersion } from './rows.ts';

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
   * anything of the object, nothing can be lost: the new version becomes the row's at once. The very version that was
   * rejected is no news, and withdraws what was observed since; another one waits for a person (see `ObjectRow.rejected`).
   * `unlike`: a SHA-256 that its bytes were compared with and do not have.
   */
  | {
      readonly kind: 'overwritten';
      readonly id: number;
      readonly object: ObjectVersion;
      readonly asOf: number;
      readonly unlike?: string;
    }
  /**
   * The source does not list it any more: left undecided as `observed`. Where no target holds or ever held anything
   * of the object, nothing can be lost: it is forgotten with all its rows, at once or when the lease on it ends. A
   * `gone` object forgets what it had been observed as, or rejected.
   */
  | { readonly kind: 'vanished'; readonly id: number; readonly asOf: number }
  /** The source has the row's version (again): forgets `observed` and `rejected`, and a `gone` object is present again. */
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
  /** A verified copy was read, now version `version`, and is right: it takes this evidence. Dropped unless the copy is still `was`, last changed at `changedAt`. */
  | {
      readonly kind: 'audited';
      readonly id: number;
      readonly target: string;
      readonly was: string;
      readonly changedAt: number;
      readonly version: string;
      readonly evidence: Evidence;
    }
  /**
   * A verified copy was proven wrong: damaged, due now. `standing`: the version of what stands there, null when nothing
   * does. Dropped unless the copy is still `was`, last changed at `changedAt`: two versions may bear one name.
   */
  | {
      readonly kind: 'wrong';
      readonly id: number;
      readonly target: string;
      readonly was: string;
      readonly changedAt: number;
      readonly standing: string | null;
      readonly error: CopyError;
    }
  /**
   * The source's bytes were read for the object's version `version`, or for `found` where that is what the source calls
   * it now although only its version differs: damaged there unless they are those known. If they are, `found` becomes the
   * object's version. Dropped for another version.
   */
  | {
      readonly kind: 'source-read';
      readonly id: number;
      readonly version: string;
      readonly found?: string;
      readonly sha256: string;
    }
  /** A verified copy shall be read back (a deep pass). */
  | { readonly kind: 'recheck'; readonly id: number; readonly target: string };

export interface RecordResult {
  /** Findings that changed something. */
  readonly applied: number;
}
