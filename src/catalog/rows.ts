import type { Checksums } from '../objects/checksum.ts';
import type { ErrorCode } from '../objects/errors.ts';
import type { Evidence } from '../objects/evidence.ts';
import type { Key } from '../objects/key.ts';
import type { Attributes } from '../objects/object.ts';
import type { CopyState } from './states.ts';

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
  /** The source's version that was read and found damaged, where that is another one than the row's. */
  readonly damagedVersion: string | null;
  /**
   * A change at the source that a person rejected: the copies stay as they are. Beside `observed`, the object changed once
   * more since; that waits for a person, whatever the guard says. Kept until one decides or the object is as it was.
   */
  readonly rejected: Rejected | null;
  /**
   * Its copies once agreed on what it is, while the source did not have it, and the source has it again: what records say of
   * this version may have been written after that agreement. Only the source tells.
   */
  readonly doubted?: true;
  /**
   * Versions that it had before, oldest first, of the newest few. Those behind the present one are newer than it: it went back
   * to that, because none of them was known to be copied.
   */
  readonly past: readonly string[];
  /** When this row last changed: a listing fetched before it says nothing about it. */
  readonly updatedAt: number;
  readonly copies: readonly CopyRow[];
}

/** Of an object what is compared with what listings show. */
export interface ObjectOutline extends Omit<ObjectRow, 'attributes' | 'doubted' | 'past' | 'copies'> {
  readonly copies: readonly CopyOutline[];
}

export type CopyOutline = Pick<CopyRow, 'target' | 'state' | 'version'>;

export type Observed = Overwritten | { readonly kind: 'vanished' };

interface Overwritten extends ObjectVersion {
  readonly kind: 'overwritten';
  /** The SHA-256 that it was compared with and found not to have; undefined: nobody looked at its bytes. */
  readonly unlike?: string;
}

export type Rejected = { readonly kind: 'overwritten'; readonly version: string } | { readonly kind: 'vanished' };

export interface CopyRow {
  readonly target: string;
  readonly state: CopyState;
  /** What the provider calls the copy; null when nothing of ours is known to be there. */
  readonly version: string | null;
  /** What was last proven of it. Vouches for the copy only while that is `verified`. */
  readonly evidence: Evidence | null;
  /** Whether it carries Holdfast's record (and so must keep it and its attributes); null: not known. */
  readonly recorded: boolean | null;
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

/** An object keeps its newest hundred entries and perhaps a few more. `inspect` gives them oldest first. */
export interface HistoryEntry {
  readonly at: number;
  /** Null when it concerns the object itself. */
  readonly target: string | null;
  readonly event: string;
  readonly detail: string;
}
